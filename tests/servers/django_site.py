"""The site of tests/servers/django: prepare and serve DIR PORT COOKIE_AGE."""

import secrets
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.http import JsonResponse

task, directory, port, age = sys.argv[1:]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{directory}/site.sqlite3",
            "OPTIONS": {"timeout": 20},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    LOGIN_REDIRECT_URL="/orders",
    LOGIN_URL="/accounts/login/",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF=__name__,
    # Only the process that serves signs sessions.
    SECRET_KEY=secrets.token_hex(32),
    SESSION_COOKIE_AGE=int(age),
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {
                            "registration/login.html": "<form method=post>{% csrf_token %}{{ form.as_p }}"
                            "<button>Log in</button></form>"
                        },
                    )
                ]
            },
        }
    ],
    USE_TZ=True,
)


def prepare():
    from django.contrib.auth.models import User

    call_command("migrate", verbosity=0)
    users = {"ada": "correct horse battery staple", "bob@example.com": "staple battery horse correct"}
    for name, password in users.items():
        User.objects.create_user(name, password=password)


def urls():
    from django.contrib.auth.decorators import login_required
    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView, LogoutView
    from django.contrib.sessions.models import Session
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt

    @login_required
    def orders(request):
        cookies = sorted(request.COOKIES)
        return JsonResponse({"user": request.user.get_username(), "method": request.method, "cookies": cookies})

    @login_required
    def renew(request):
        request.session.cycle_key()
        return JsonResponse({"renewed": True})

    def owner(session):
        user = session.get_decoded().get("_auth_user_id")
        return User.objects.get(pk=user).get_username() if user else "nobody"

    def sessions(_request):
        owners = [owner(session) for session in Session.objects.all()]
        return JsonResponse({name: owners.count(name) for name in set(owners)})

    @csrf_exempt
    def forget(request):
        ended = [session for session in Session.objects.all() if owner(session) == request.GET["user"]]
        for session in ended:
            session.delete()
        return JsonResponse({"ended": len(ended)})

    return [
        path("accounts/login/", LoginView.as_view()),
        path("accounts/logout/", LogoutView.as_view(next_page="/accounts/login/")),
        path("orders", orders),
        path("session/renew", renew),
        path("test/sessions", sessions),
        path("test/forget", forget),
    ]


django.setup()
if task == "prepare":
    prepare()
else:
    urlpatterns = urls()
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    run("127.0.0.1", int(port), get_wsgi_application(), threading=True)
