"""Parts of tests/servers/lemonldap: its configuration, and the application that it protects."""

import http.server
import json
import pathlib
import sys

INI = """
[all]
logLevel = notice
checkTime = 1
[configuration]
type = File
dirName = {directory}/conf
localStorage = Cache::FileCache
localStorageOptions = {{'namespace' => 'config', 'default_expires_in' => 600, 'cache_root' => '{directory}/cache', 'cache_depth' => 3}}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
[handler]
status = 0
useRedirectOnError = 0
handlerInternalCache = 1
"""

NGINX = """
daemon on;
pid {directory}/run/nginx.pid;
error_log {directory}/run/nginx-error.log;
user www-data;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/tmp/body;
  proxy_temp_path {directory}/tmp/proxy;
  fastcgi_temp_path {directory}/tmp/fastcgi;
  uwsgi_temp_path {directory}/tmp/uwsgi;
  scgi_temp_path {directory}/tmp/scgi;
  server {{
    listen 127.0.0.1:{portal};
    server_name localhost;
    root /usr/share/lemonldap-ng/portal/htdocs/;
    location / {{
      include /etc/nginx/fastcgi_params;
      fastcgi_pass unix:{directory}/run/llng.sock;
      fastcgi_param LLTYPE psgi;
      fastcgi_param SCRIPT_FILENAME $document_root/index.psgi;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $uri;
    }}
  }}
  server {{
    listen 127.0.0.1:{application};
    server_name 127.0.0.1;
    location = /lmauth {{
      internal;
      include /etc/nginx/fastcgi_params;
      fastcgi_pass unix:{directory}/run/llng.sock;
      fastcgi_pass_request_body off;
      fastcgi_param CONTENT_LENGTH "";
      fastcgi_param HOST $http_host;
      fastcgi_param X_ORIGINAL_URI $request_uri;
    }}
    location / {{
      auth_request /lmauth;
      auth_request_set $user $upstream_http_lm_remote_user;
      auth_request_set $place $upstream_http_location;
      error_page 401 $place;
      proxy_set_header Auth-User $user;
      proxy_pass http://127.0.0.1:{back_end};
    }}
  }}
}}
"""


def configure(template, directory, portal, application, back_end, absolute, idle):
    config = json.loads(pathlib.Path(template).read_text())
    config["globalStorageOptions"].update(Directory=f"{directory}/sessions", LockDirectory=f"{directory}/sessions/lock")
    persistent = {"Directory": f"{directory}/persistent", "LockDirectory": f"{directory}/persistent/lock"}
    config["persistentStorageOptions"] = persistent
    config["localSessionStorageOptions"].update(cache_root=f"{directory}/cache", default_expires_in=1)
    config.update(
        portal=f"http://localhost:{portal}/",
        domain="localhost",
        timeout=int(absolute),
        timeoutActivity=int(idle),
        timeoutActivityInterval=1,
        requireToken=0,
        httpOnly=1,
        handlerInternalCache=1,
        loginHistoryEnabled=0,
        notification=0,
        captcha_login_enabled=0,
        cda=0,
        checkUser=0,
        locationRules={"127.0.0.1": {"default": "accept"}},
        exportedHeaders={"127.0.0.1": {"Auth-User": "$uid"}},
        vhostOptions={"127.0.0.1": {"vhostPort": int(application), "vhostHttps": 0}},
    )
    files = {
        "conf/lmConf-1.json": json.dumps(config, indent=1),
        "lemonldap-ng.ini": INI.format(directory=directory),
        "nginx.conf": NGINX.format(directory=directory, portal=portal, application=application, back_end=back_end),
    }
    for name, text in files.items():
        pathlib.Path(directory, name).write_text(text)


class Echo(http.server.BaseHTTPRequestHandler):
    """Tells every caller what arrived."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"headers": {name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


if sys.argv[1] == "configure":
    configure(*sys.argv[2:])
else:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Echo).serve_forever()
