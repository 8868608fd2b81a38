package gateway;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.util.Map;
import javax.faces.application.FacesMessage;
import javax.faces.context.FacesContext;
import javax.faces.webapp.FacesServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.jsp.JspFactory;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.apache.jasper.runtime.JspFactoryImpl;

/** An application of JavaServer Faces (MyFaces): its form has the hidden field `javax.faces.ViewState`, kept by the client. */
public final class Faces {
    private String name;
    private String password;

    static void add(Tomcat tomcat, int seconds) throws URISyntaxException {
        File pages = new File(Faces.class.getResource("/faces").toURI());
        Context context = tomcat.addContext("/faces", pages.getPath());
        context.addParameter("javax.faces.STATE_SAVING_METHOD", "client");
        context.addParameter("javax.faces.PROJECT_STAGE", "Production");
        // MyFaces reads its expressions as pages of JSP do.
        JspFactory.setDefaultFactory(new JspFactoryImpl());
        // There is no web.xml to find the servlet in.
        context.addParameter("org.apache.myfaces.INITIALIZE_ALWAYS_STANDALONE", "true");
        context.addApplicationListener(Legacy.Listener.class.getName());
        context.addApplicationListener("org.apache.myfaces.webapp.StartupServletContextListener");
        Legacy.timeout(context, seconds);
        Wrapper servlet = Tomcat.addServlet(context, "faces", FacesServlet.class.getName());
        servlet.setLoadOnStartup(1);
        context.addServletMappingDecoded("*.xhtml", "faces");
        Legacy.servlet(context, "orders", "/orders", new Legacy.Orders());
        Legacy.servlet(context, "logout", "/logout", new Legacy.Logout());
    }

    public String getName() {
        return name;
    }

    public void setName(String name) {
        this.name = name;
    }

    public String getPassword() {
        return password;
    }

    public void setPassword(String password) {
        this.password = password;
    }

    /** Where the form leads. */
    public String enter() {
        FacesContext faces = FacesContext.getCurrentInstance();
        if (!Users.match(name, password)) {
            faces.addMessage(null, new FacesMessage("Wrong name or password"));
            return null;
        }
        HttpServletRequest request = (HttpServletRequest) faces.getExternalContext().getRequest();
        request.getSession(true);
        request.changeSessionId();
        Map<String, Object> session = faces.getExternalContext().getSessionMap();
        session.put("user", name);
        try {
            faces.getExternalContext().redirect(faces.getExternalContext().encodeActionURL(request.getContextPath() + "/orders"));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return null;
    }
}
