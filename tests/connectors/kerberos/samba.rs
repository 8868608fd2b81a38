//! Against an Active Directory domain of Samba.
