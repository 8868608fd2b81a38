package gateway;

import java.nio.file.Path;
import java.security.KeyStore;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

/** An embedded Tomcat on 127.0.0.1, with its files in a directory of its own. */
final class Container {
    final Tomcat tomcat = new Tomcat();

    Container(Path directory) {
        tomcat.setBaseDir(directory.toString());
        tomcat.getHost().setAppBase(directory.toString());
    }

    Connector listen(int port) {
        Connector connector = new Connector("HTTP/1.1");
        connector.setPort(port);
        connector.setProperty("address", "127.0.0.1");
        tomcat.getService().addConnector(connector);
        return connector;
    }

    /** With a certificate and its key in PEM; certificates of clients are taken, and checked, if clients show one. */
    void listenWithTls(int port, Path certificate, Path key, KeyStore clients) {
        Connector connector = listen(port);
        connector.setSecure(true);
        connector.setScheme("https");
        connector.setProperty("SSLEnabled", "true");
        SSLHostConfig host = new SSLHostConfig();
        host.setCertificateVerification("optional");
        host.setTrustStore(clients);
        SSLHostConfigCertificate own = new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.UNDEFINED);
        own.setCertificateFile(certificate.toString());
        own.setCertificateKeyFile(key.toString());
        host.addCertificate(own);
        connector.addSslHostConfig(host);
    }

    /** Returns when the process is told to end. */
    void run() throws Exception {
        tomcat.start();
        tomcat.getServer().await();
    }
}
