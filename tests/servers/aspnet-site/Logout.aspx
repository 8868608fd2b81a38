<%@ Page Language="C#" %>
<script runat="server">
void Page_Load(object sender, EventArgs arguments) {
    FormsAuthentication.SignOut();
    Response.Redirect("Login.aspx");
}
</script>
