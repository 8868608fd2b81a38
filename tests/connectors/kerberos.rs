//! Kerberos: a Heimdal realm and an Active Directory domain of Samba, with Apache as the back end.
