package gateway;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.ws.WebServiceProvider;
import org.apache.cxf.Bus;
import org.apache.cxf.jaxws.EndpointImpl;
import org.apache.cxf.sts.StaticSTSProperties;
import org.apache.cxf.sts.cache.DefaultInMemoryTokenStore;
import org.apache.cxf.sts.operation.TokenIssueOperation;
import org.apache.cxf.sts.operation.TokenRenewOperation;
import org.apache.cxf.sts.service.EncryptionProperties;
import org.apache.cxf.sts.service.StaticService;
import org.apache.cxf.sts.token.provider.DefaultConditionsProvider;
import org.apache.cxf.sts.token.provider.SAMLTokenProvider;
import org.apache.cxf.sts.token.renewer.SAMLTokenRenewer;
import org.apache.cxf.sts.token.validator.SAMLTokenValidator;
import org.apache.cxf.ws.security.sts.provider.SecurityTokenServiceProvider;
import org.apache.cxf.ws.security.tokenstore.TokenStore;
import org.apache.wss4j.common.crypto.Crypto;
import org.apache.wss4j.common.ext.WSPasswordCallback;

/** The security token service of Apache CXF, at several addresses that differ in what the token is and who may ask. */
final class TokenService {
    static final Map<String, String> USERS = Map.of("alice", "alice-password", "bob", "b\u00f6b <&>-password");

    private final Bus bus;
    private final Crypto crypto;
    private final TokenStore issued;

    TokenService(Bus bus, Keys keys) throws Exception {
        this.bus = bus;
        crypto = keys.own("sts", "back-end", "sts");
        issued = new DefaultInMemoryTokenStore(bus);
    }

    void publish() throws Exception {
        // The faults of CXF's default do not tell a wrong password from other mistakes; those of `plain` do.
        publish(new ForPasswords(), "/sts/password", 300, false, Map.of());
        publish(new ForPasswords(), "/sts/plain", 300, false, Map.of("ws-security.return.security.error", "true"));
        publish(new ForPasswords(), "/sts/short", 8, false, Map.of());
        publish(new ForPasswords(), "/sts/brief", 12, false, Map.of());
        publish(new ForPasswords(), "/sts/encrypting", 300, true, Map.of());
        // The assertion is for the back end, and here it says who asks.
        publish(new ForAssertions(), "/sts/renew", 12, false, Map.of("security.validate.audience-restriction", "false"));
        publish(new ForCertificates(), "/sts/renew-by-certificate", 300, false, Map.of());
    }

    private void publish(SecurityTokenServiceProvider provider, String path, long seconds, boolean encrypts, Map<String, Object> more)
            throws Exception {
        StaticSTSProperties properties = new StaticSTSProperties();
        properties.setBus(bus);
        properties.setIssuer("https://sts.example.com/");
        properties.setCallbackHandler(TokenService::answer);
        properties.setSignatureCrypto(crypto);
        properties.setSignatureUsername("sts");
        properties.setEncryptionCrypto(crypto);
        properties.setEncryptionUsername("back-end");
        StaticService known = new StaticService();
        known.setEndpoints(List.of("https://orders\\.example\\.com/.*"));
        known.setEncryptionProperties(new EncryptionProperties());
        DefaultConditionsProvider conditions = new DefaultConditionsProvider();
        conditions.setLifetime(seconds);

        SAMLTokenProvider tokens = new SAMLTokenProvider();
        tokens.setConditionsProvider(conditions);
        TokenIssueOperation issue = new TokenIssueOperation();
        issue.setTokenProviders(List.of(tokens));
        issue.setServices(List.of(known));
        issue.setStsProperties(properties);
        issue.setTokenStore(issued);
        issue.setEncryptIssuedToken(encrypts);
        provider.setIssueOperation(issue);

        SAMLTokenRenewer renewer = new SAMLTokenRenewer();
        renewer.setConditionsProvider(conditions);
        // A bearer token has no key whose possession could be proven.
        renewer.setVerifyProofOfPossession(false);
        renewer.setAllowRenewalAfterExpiry(true);
        TokenRenewOperation renew = new TokenRenewOperation();
        renew.setTokenRenewers(List.of(renewer));
        renew.setTokenValidators(List.of(new SAMLTokenValidator()));
        renew.setServices(List.of(known));
        renew.setStsProperties(properties);
        renew.setTokenStore(issued);
        if (!(provider instanceof ForPasswords)) {
            provider.setRenewOperation(renew);
        }

        EndpointImpl endpoint = new EndpointImpl(bus, provider);
        endpoint.setWsdlLocation("classpath:/token-service.wsdl");
        endpoint.setProperties(new HashMap<>(more));
        endpoint.getProperties().put("security.callback-handler", (CallbackHandler) TokenService::answer);
        endpoint.getProperties().put("security.signature.crypto", crypto);
        endpoint.getProperties().put("security.encryption.crypto", crypto);
        endpoint.publish(path);
    }

    /** The password of a user, or of the service's own key. */
    private static void answer(Callback[] asked) {
        for (Callback one : asked) {
            if (one instanceof WSPasswordCallback about) {
                boolean isUser = about.getUsage() == WSPasswordCallback.USERNAME_TOKEN;
                about.setPassword(isUser ? USERS.get(about.getIdentifier()) : Keys.PASSWORD);
            }
        }
    }

    private static final String NAMESPACE = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/";

    /** Asked with a name and a password. */
    @WebServiceProvider(targetNamespace = NAMESPACE, serviceName = "TokenService", portName = "Password")
    public static final class ForPasswords extends SecurityTokenServiceProvider {
        public ForPasswords() throws Exception {}
    }

    /** Asked with an assertion. */
    @WebServiceProvider(targetNamespace = NAMESPACE, serviceName = "TokenService", portName = "Assertion")
    public static final class ForAssertions extends SecurityTokenServiceProvider {
        public ForAssertions() throws Exception {}
    }

    /** Asked by who has a certificate for TLS. */
    @WebServiceProvider(targetNamespace = NAMESPACE, serviceName = "TokenService", portName = "Certificate")
    public static final class ForCertificates extends SecurityTokenServiceProvider {
        public ForCertificates() throws Exception {}
    }
}
