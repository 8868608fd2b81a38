package gateway;

import java.io.ByteArrayInputStream;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import javax.annotation.Resource;
import javax.jws.WebMethod;
import javax.jws.WebService;
import javax.ws.rs.FormParam;
import javax.ws.rs.GET;
import javax.ws.rs.HeaderParam;
import javax.ws.rs.POST;
import javax.ws.rs.Path;
import javax.ws.rs.Produces;
import javax.ws.rs.QueryParam;
import javax.ws.rs.WebApplicationException;
import javax.ws.rs.container.ContainerRequestContext;
import javax.ws.rs.core.Context;
import javax.ws.rs.core.Response;
import javax.ws.rs.core.SecurityContext;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.ws.WebServiceContext;
import org.apache.cxf.Bus;
import org.apache.cxf.jaxrs.JAXRSServerFactoryBean;
import org.apache.cxf.jaxrs.utils.JAXRSUtils;
import org.apache.cxf.jaxws.EndpointImpl;
import org.apache.cxf.message.Message;
import org.apache.cxf.rs.security.saml.AbstractSamlInHandler;
import org.apache.cxf.rs.security.saml.SamlHeaderInHandler;
import org.apache.wss4j.common.ext.WSPasswordCallback;
import org.apache.wss4j.common.ext.WSSecurityException;
import org.apache.wss4j.dom.handler.RequestData;
import org.apache.wss4j.dom.validate.Credential;
import org.apache.wss4j.dom.validate.SamlAssertionValidator;

/** Back ends that believe assertions of the token service: by SOAP, in a header, and exchanged for a token of their own. */
final class BackEnd {
    private static final Set<String> DISTRUSTED = ConcurrentHashMap.newKeySet();

    private final Bus bus;
    private final Map<String, Object> trust = new HashMap<>();

    BackEnd(Bus bus, Keys keys) throws Exception {
        this.bus = bus;
        // The key opens what is encrypted for the back end; the token service's certificate is trusted.
        trust.put("security.signature.crypto", keys.own("back-end", "sts"));
        trust.put("security.encryption.crypto", keys.own("back-end", "sts"));
        trust.put("security.signature.username", "back-end");
        trust.put("security.callback-handler", (CallbackHandler) BackEnd::answer);
        trust.put("security.audience-restrictions", "https://orders.example.com/");
        trust.put("ws-security.saml2.validator", new Trust());
    }

    void publish() {
        for (String path : List.of("/soap", "/encrypted", "/certified")) {
            soap(new Who(), path);
        }
        soap(new TimedWho(), "/timed");

        SamlHeaderInHandler header = new SamlHeaderInHandler();
        header.setValidator(new Trust());
        rest("/rest", new Name(), header);
        Exchange exchange = new Exchange();
        exchange.setValidator(new Trust());
        rest("/oauth", new Tokens(exchange));
        rest("/test", new Test());
    }

    private void soap(Object service, String path) {
        EndpointImpl endpoint = new EndpointImpl(bus, service);
        endpoint.setProperties(new HashMap<>(trust));
        endpoint.publish(path);
    }

    private void rest(String path, Object resource, Object... providers) {
        JAXRSServerFactoryBean server = new JAXRSServerFactoryBean();
        server.setBus(bus);
        server.setAddress(path);
        server.setServiceBean(resource);
        server.setProviders(List.of(providers));
        server.setProperties(new HashMap<>(trust));
        server.create();
    }

    private static void answer(Callback[] asked) {
        for (Callback one : asked) {
            if (one instanceof WSPasswordCallback about) {
                about.setPassword(Keys.PASSWORD);
            }
        }
    }

    /** What WSS4J checks, and that this user has not fallen out of favour. */
    private static final class Trust extends SamlAssertionValidator {
        @Override
        public Credential validate(Credential credential, RequestData data) throws WSSecurityException {
            Credential valid = super.validate(credential, data);
            if (DISTRUSTED.contains(credential.getSamlAssertion().getSubjectName())) {
                throw new WSSecurityException(WSSecurityException.ErrorCode.INVALID_SECURITY_TOKEN);
            }
            return valid;
        }
    }

    /** By SOAP 1.1, with the assertion alone. */
    @WebService(targetNamespace = "urn:example:orders", wsdlLocation = "classpath:/back-end.wsdl", serviceName = "Orders",
            portName = "Plain", name = "Who")
    public static final class Who {
        @Resource
        WebServiceContext context;

        @WebMethod
        public String who() {
            return context.getUserPrincipal().getName();
        }
    }

    /** By SOAP 1.2, with the assertion beside a timestamp. */
    @WebService(targetNamespace = "urn:example:orders", wsdlLocation = "classpath:/back-end.wsdl", serviceName = "Orders",
            portName = "Timed", name = "Who")
    public static final class TimedWho {
        @Resource
        WebServiceContext context;

        @WebMethod
        public String who() {
            return context.getUserPrincipal().getName();
        }
    }

    /** Behind CXF's handler of `Authorization: SAML`. */
    @Path("/")
    public static final class Name {
        @GET
        @Path("{any}/who")
        @Produces("text/plain")
        public String who(@Context SecurityContext security) {
            return security.getUserPrincipal().getName();
        }
    }

    /** Checks an assertion as the header's handler does. */
    static final class Exchange extends AbstractSamlInHandler {
        @Override
        public void filter(ContainerRequestContext context) {}

        String name(String assertion) {
            Message message = JAXRSUtils.getCurrentMessage();
            // RFC 7522 \u00a72.1: not compressed, base64url without padding.
            validateToken(message, new ByteArrayInputStream(Base64.getUrlDecoder().decode(assertion)));
            return message.get(org.apache.cxf.security.SecurityContext.class).getUserPrincipal().getName();
        }
    }

    /** A token endpoint (RFC 7522 \u00a72.1) and what its tokens open. */
    @Path("/")
    public static final class Tokens {
        private final Exchange exchange;
        private final Map<String, String> names = new ConcurrentHashMap<>();

        Tokens(Exchange exchange) {
            this.exchange = exchange;
        }

        @POST
        @Path("token")
        @Produces("application/json")
        public Response token(@FormParam("grant_type") String grant, @FormParam("assertion") String assertion) {
            if (!"urn:ietf:params:oauth:grant-type:saml2-bearer".equals(grant)) {
                return Response.status(400).entity("{\"error\":\"unsupported_grant_type\"}").build();
            }
            try {
                String name = exchange.name(assertion);
                String token = UUID.randomUUID().toString();
                names.put(token, name);
                String granted = "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":60}";
                return Response.ok(granted.formatted(token)).header("Cache-Control", "no-store").build();
            } catch (WebApplicationException refused) {
                return Response.status(400).entity("{\"error\":\"invalid_grant\"}").build();
            }
        }

        @GET
        @Path("who")
        @Produces("text/plain")
        public Response who(@HeaderParam("Authorization") String authorization) {
            String token = authorization == null ? "" : authorization.replaceFirst("^Bearer ", "");
            String name = names.get(token);
            return name == null || DISTRUSTED.contains(name)
                    ? Response.status(401).header("WWW-Authenticate", "Bearer error=\"invalid_token\"").build()
                    : Response.ok(name).build();
        }
    }

    /** For tests alone. */
    @Path("/")
    public static final class Test {
        @POST
        @Path("distrust")
        public void distrust(@QueryParam("user") String user) {
            DISTRUSTED.add(user);
        }
    }
}
