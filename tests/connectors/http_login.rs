//! A site with a login of its own: Django.
