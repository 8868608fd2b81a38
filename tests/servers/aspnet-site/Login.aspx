<%@ Page Language="C#" %>
<script runat="server">
void Enter(object sender, EventArgs arguments) {
    if (FormsAuthentication.Authenticate(Name.Text, Password.Text)) {
        FormsAuthentication.RedirectFromLoginPage(Name.Text, false);
    } else {
        Wrong.Text = "<p class=\"wrong\">Wrong name or password</p>";
    }
}
</script>
<!DOCTYPE html><html><body><form runat="server">
<asp:Literal id="Wrong" runat="server"/>
<asp:TextBox id="Name" runat="server"/><asp:TextBox id="Password" TextMode="Password" runat="server"/>
<asp:Button id="Submit" Text="Log in" OnClick="Enter" runat="server"/>
</form></body></html>
