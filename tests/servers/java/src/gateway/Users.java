package gateway;

/** Who can log in to the applications of {@link Legacy}: names and passwords. */
final class Users {
    static final String[][] ALL = {
        {"ada", "correct horse battery staple"},
        {"bob@example.com", "staple battery horse correct"},
        {"zo\u00eb", "p\u00e4ss w\u00f6rd & more+=%"},
    };

    private Users() {}

    static boolean match(String name, String password) {
        for (String[] user : ALL) {
            if (user[0].equals(name) && user[1].equals(password)) {
                return true;
            }
        }
        return false;
    }
}
