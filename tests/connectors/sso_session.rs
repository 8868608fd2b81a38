//! Web single sign-on: LemonLDAP::NG.
