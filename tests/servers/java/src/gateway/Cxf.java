package gateway;

import java.nio.file.Path;
import javax.servlet.ServletConfig;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.apache.cxf.BusFactory;
import org.apache.cxf.transport.servlet.CXFNonSpringServlet;

/** A security token service and back ends that believe it: DIRECTORY PORT. The keys are there already. */
public final class Cxf {
    public static void main(String[] arguments) throws Exception {
        Path directory = Path.of(arguments[0]);
        Keys keys = new Keys(directory);
        Container container = new Container(directory);
        container.listenWithTls(Integer.parseInt(arguments[1]), directory.resolve("tls.crt"), directory.resolve("tls.key"),
                keys.trusting("ca"));
        Context context = container.tomcat.addContext("", null);
        Tomcat.addServlet(context, "cxf", new Services(keys)).setLoadOnStartup(1);
        context.addServletMappingDecoded("/*", "cxf");
        container.run();
    }

    private static final class Services extends CXFNonSpringServlet {
        private final transient Keys keys;

        Services(Keys keys) {
            this.keys = keys;
        }

        @Override
        public void loadBus(ServletConfig config) {
            super.loadBus(config);
            BusFactory.setDefaultBus(getBus());
            try {
                new TokenService(getBus(), keys).publish();
                new BackEnd(getBus(), keys).publish();
            } catch (Exception error) {
                throw new IllegalStateException(error);
            }
        }
    }
}
