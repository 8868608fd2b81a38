//! SAML: SimpleSAMLphp as the identity provider, Apache with mod_auth_mellon as the service provider.
