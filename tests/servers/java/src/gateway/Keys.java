package gateway;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import org.apache.wss4j.common.crypto.Crypto;
import org.apache.wss4j.common.crypto.Merlin;

/** Keys and certificates of a directory, NAME.crt and NAME.key, as WSS4J takes them. */
final class Keys {
    static final String PASSWORD = "only-for-tests";
    private final Path directory;

    Keys(Path directory) {
        this.directory = directory;
    }

    /** A key of our own, and certificates of others that are trusted. */
    Crypto own(String name, String... trusted) throws Exception {
        KeyStore store = trusting(trusted);
        PrivateKey key = key(name);
        store.setKeyEntry(name, key, PASSWORD.toCharArray(), new Certificate[] {certificate(name)});
        return crypto(store, name);
    }

    /** Certificates of others that are trusted. */
    KeyStore trusting(String... names) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (String name : names) {
            store.setCertificateEntry(name, certificate(name));
        }
        return store;
    }

    private static Crypto crypto(KeyStore store, String alias) {
        Merlin crypto = new Merlin();
        crypto.setKeyStore(store);
        crypto.setDefaultX509Identifier(alias);
        return crypto;
    }

    private Certificate certificate(String name) throws Exception {
        try (InputStream file = Files.newInputStream(directory.resolve(name + ".crt"))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
    }

    private PrivateKey key(String name) throws Exception {
        String text = Files.readString(directory.resolve(name + ".key")).replaceAll("-----[^-]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }
}
