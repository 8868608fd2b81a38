package gateway;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import javax.servlet.http.HttpSession;
import javax.servlet.http.HttpSessionEvent;
import javax.servlet.http.HttpSessionListener;
import org.apache.catalina.Context;
import org.apache.catalina.authenticator.FormAuthenticator;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.descriptor.web.LoginConfig;
import org.apache.tomcat.util.descriptor.web.SecurityCollection;
import org.apache.tomcat.util.descriptor.web.SecurityConstraint;

/** Applications with logins of their own on Tomcat: DIRECTORY PORT SECONDS, the last being how long sessions last unused. */
public final class Legacy {
    private static final Map<String, HttpSession> SESSIONS = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        Container container = new Container(Path.of(arguments[0]));
        Connector http = container.listen(Integer.parseInt(arguments[1]));
        http.setURIEncoding("UTF-8");
        container.tomcat.getEngine();
        for (String[] user : Users.ALL) {
            container.tomcat.addUser(user[0], user[1]);
            container.tomcat.addRole(user[0], "people");
        }
        int seconds = Integer.parseInt(arguments[2]);
        Context shop = container.tomcat.addContext("/shop", null);
        form(shop, seconds);
        Context moving = container.tomcat.addContext("/moving", null);
        form(moving, seconds);
        moving.addParameter("moves", "true");
        Faces.add(container.tomcat, seconds);
        Context test = container.tomcat.addContext("/test", null);
        servlet(test, "sessions", "/sessions", new Sessions());
        servlet(test, "forget", "/forget", new Forget());
        container.run();
    }

    /** An application with the login by form of the Servlet specification (13.6.3). */
    private static void form(Context context, int seconds) {
        context.addApplicationListener(Listener.class.getName());
        context.setLoginConfig(new LoginConfig("FORM", "people", "/login", "/wrong"));
        context.addSecurityRole("people");
        SecurityCollection pages = new SecurityCollection();
        pages.addPatternDecoded("/orders");
        SecurityConstraint constraint = new SecurityConstraint();
        constraint.addCollection(pages);
        constraint.addAuthRole("people");
        context.addConstraint(constraint);
        FormAuthenticator authenticator = new FormAuthenticator();
        // Whoever posts the form without having been sent to it comes here.
        authenticator.setLandingPage("/orders");
        authenticator.setCharacterEncoding("UTF-8");
        context.getPipeline().addValve(authenticator);
        Tomcat.addServlet(context, "login", new Form());
        context.addServletMappingDecoded("/login", "login");
        context.addServletMappingDecoded("/wrong", "login");
        servlet(context, "orders", "/orders", new Orders());
        servlet(context, "logout", "/logout", new Logout());
        timeout(context, seconds);
    }

    static void servlet(Context context, String name, String path, HttpServlet servlet) {
        Tomcat.addServlet(context, name, servlet);
        context.addServletMappingDecoded(path, name);
    }

    /** Tomcat itself counts in minutes. */
    static void timeout(Context context, int seconds) {
        context.addParameter("timeout", Integer.toString(seconds));
    }

    /** Knows the sessions that there are. */
    public static final class Listener implements HttpSessionListener {
        @Override
        public void sessionCreated(HttpSessionEvent event) {
            HttpSession session = event.getSession();
            session.setMaxInactiveInterval(Integer.parseInt(session.getServletContext().getInitParameter("timeout")));
            SESSIONS.put(Integer.toHexString(System.identityHashCode(session)), session);
        }

        @Override
        public void sessionDestroyed(HttpSessionEvent event) {
            SESSIONS.values().remove(event.getSession());
        }
    }

    private static final class Form extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            boolean wrong = request.getServletPath().equals("/wrong");
            response.setContentType("text/html;charset=UTF-8");
            response.getWriter().printf("""
                    <!DOCTYPE html><html><body>%s
                    <form method="post" action="%s" accept-charset="UTF-8">
                    <input name="j_username"><input type="password" name="j_password">
                    <input type="submit" value="Log in"></form></body></html>
                    """, wrong ? "<p class=wrong>Wrong name or password</p>" : "",
                    response.encodeURL(request.getContextPath() + "/j_security_check"));
        }
    }

    /** Who is logged in. An application whose sessions move gives the session a new id each time. */
    static final class Orders extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            String user = name(request);
            if (user == null) {
                response.sendRedirect(response.encodeRedirectURL(request.getContextPath() + "/login.xhtml"));
                return;
            }
            if ("true".equals(getServletContext().getInitParameter("moves"))) {
                request.changeSessionId();
            }
            response.setContentType("application/json;charset=UTF-8");
            response.getWriter().printf("{\"user\":\"%s\",\"method\":\"%s\",\"url_session\":%b}", user, request.getMethod(),
                    request.isRequestedSessionIdFromURL());
        }
    }

    static final class Logout extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            HttpSession session = request.getSession(false);
            if (session != null) {
                session.invalidate();
            }
            response.sendRedirect(request.getContextPath() + "/orders");
        }
    }

    private static String name(HttpServletRequest request) {
        HttpSession session = request.getSession(false);
        Object user = request.getRemoteUser() != null || session == null ? request.getRemoteUser() : session.getAttribute("user");
        if (session != null && user != null) {
            session.setAttribute("user", user);
        }
        return user == null ? null : user.toString();
    }

    private static String owner(HttpSession session) {
        try {
            Object user = session.getAttribute("user");
            return user == null ? "nobody" : user.toString();
        } catch (IllegalStateException ended) {
            return "nobody";
        }
    }

    /** How many sessions each user has who has called: for tests. */
    private static final class Sessions extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            Map<String, Integer> counts = new TreeMap<>();
            SESSIONS.values().forEach(session -> counts.merge(owner(session), 1, Integer::sum));
            StringBuilder text = new StringBuilder();
            counts.forEach((user, count) -> text.append(text.isEmpty() ? "" : ",").append("\"%s\":%d".formatted(user, count)));
            response.setContentType("application/json;charset=UTF-8");
            response.getWriter().print("{" + text + "}");
        }
    }

    /** Ends every session of ?user=NAME: for tests. */
    private static final class Forget extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
            String user = request.getParameter("user");
            var theirs = SESSIONS.values().stream().filter(session -> owner(session).equals(user)).toList();
            theirs.forEach(HttpSession::invalidate);
            response.setContentType("application/json;charset=UTF-8");
            response.getWriter().printf("{\"ended\":%d}", theirs.size());
        }
    }
}
