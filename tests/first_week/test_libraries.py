"""Promise: the usual libraries of a framework work when they are added as their own documentation describes."""

import textwrap

import pytest

from tests.first_week.week import shell
from tests.test_project_checks import make


def replace(path, old: str, new: str) -> None:
    """Replace a text that stands exactly once in a file."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))


def write(path, text: str) -> None:
    """Write an indented text to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip())


def run(project, *commands: str) -> None:
    for command in commands:
        done = shell(command, project)
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"


DJANGO_SETTINGS = """
    PROJECT_APPS = [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django.contrib.staticfiles",
        "debug_toolbar",
        "rest_framework",
        "api",
        "ninja",
    ]
    PROJECT_MIDDLEWARE = [
        "debug_toolbar.middleware.DebugToolbarMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    BACKGROUND_WORK: list[str] = []
    BODY_LIMITS_BYTES: dict[str, int] = {}
    INTERNAL_IPS = ["127.0.0.1"]
    STATIC_URL = "static/"
    STATIC_ROOT = "static"
    TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        },
    ]
"""
DJANGO_URLS = """
    from debug_toolbar.toolbar import debug_toolbar_urls
    from django.contrib import admin
    from django.urls import include, path
    from ninja import NinjaAPI
    from rest_framework import routers, serializers, viewsets

    from api import views
    from api.api import api
    from api.models import Note


    class NoteSerializer(serializers.ModelSerializer):
        class Meta:
            model = Note
            fields = ["id", "title", "body", "author"]


    class NoteViewSet(viewsets.ModelViewSet):
        queryset = Note.objects.order_by("id")
        serializer_class = NoteSerializer


    router = routers.DefaultRouter()
    router.register("notes", NoteViewSet)
    admin.site.register(Note)
    second = NinjaAPI(urls_namespace="second")


    @second.get("/add")
    def add(request, a: int, b: int):
        return {"result": a + b}


    urlpatterns = [
        path("", views.index),
        path("", api.urls),
        path("admin/", admin.site.urls),
        path("ninja/", second.urls),
        path("rest/", include(router.urls)),
        *debug_toolbar_urls(),
    ]
"""
DJANGO_TESTS = """
    import json

    import pytest

    pytestmark = pytest.mark.usefixtures("migrated")


    def test_pages_of_a_running_service(start):
        service = start()
        service.wait_until_it_answers()
        redirect = service.get("/admin/")
        assert (redirect.status, redirect.headers["Location"]) == (302, "/admin/login/?next=/admin/")
        page = service.get("/admin/login/")
        assert (page.status, "Django administration" in page.text) == (200, True)
        assert "'self'" in page.headers["Content-Security-Policy"]
        style = service.get("/static/admin/css/base.css")
        assert (style.status, style.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
        assert service.get("/ninja/add?a=1&b=2").json == {"result": 3}
        assert service.get("/rest/notes/").json == []
        assert service.get("/rest/notes").json == []
        assert service.get("/rest/").json["notes"].endswith("/rest/notes/")
        assert service.get("/rest/nothing/").status == 404
        assert service.get("/openapi.json").status == 200
        assert "djDebug" not in page.text


    def test_the_debug_toolbar_in_development(start):
        service = start(APP_ENV="development")
        service.wait_until_it_answers()
        assert 'id="djDebug"' in service.get("/admin/login/").text
        assert service.get("/static/debug_toolbar/js/toolbar.js").status == 200


    @pytest.mark.django_db
    def test_the_admin_creates_an_object_that_the_router_lists(admin_client):
        form = {"title": "Water the plants", "body": "", "author": "ada"}
        assert admin_client.post("/admin/api/note/add/", form).status_code == 302
        answer = admin_client.get("/rest/notes/")
        assert [note["title"] for note in answer.json()] == ["Water the plants"]


    @pytest.mark.django_db
    def test_the_router_validates(client):
        answer = client.post("/rest/notes/", json.dumps({}), content_type="application/json")
        assert (answer.status_code, sorted(answer.json())) == (400, ["author", "title"])
"""


@pytest.mark.needs("uv", "docker")
def test_django_admin_rest_framework_ninja_whitenoise_and_debug_toolbar(emit):
    """Added as in the documentation of each.

    docs.djangoproject.com/en/5.2/ref/contrib/admin, django-rest-framework.org/tutorial/quickstart,
    django-ninja.dev/tutorial, whitenoise.readthedocs.io/en/stable/django.html and
    django-debug-toolbar.readthedocs.io/en/stable/installation.html.
    """
    project = emit(language="python", services=["postgres"])
    make(project, "setup")
    write(project / "config/project.py", DJANGO_SETTINGS)
    write(project / "api/urls.py", DJANGO_URLS)
    write(project / "tests/integration/test_libraries.py", DJANGO_TESTS)
    run(
        project,
        "uv add --quiet djangorestframework whitenoise django-debug-toolbar",
        "uv run manage.py collectstatic --no-input",
        "scripts/with-datastores uv run pytest -q tests/integration/test_libraries.py",
    )


FASTIFY_PLUGINS = """
    import cors from "@fastify/cors";
    import rateLimit from "@fastify/rate-limit";
    import files from "@fastify/static";
    import underPressure from "@fastify/under-pressure";
    import type { FastifyInstance } from "fastify";

    export default function plugins(app: FastifyInstance): void {
      app.register(cors, { origin: "https://example.com" });
      app.register(rateLimit, { max: 5, timeWindow: "1 minute", allowList: (request) => request.url !== "/" });
      app.register(underPressure, { maxEventLoopDelay: 10_000, exposeStatusRoute: "/status" });
      app.register(files, { root: `${import.meta.dirname}/../../public`, prefix: "/public/" });
    }
"""
FASTIFY_TESTS = """
    import { expect, test } from "vitest";
    import { app } from "./app.ts";

    test("cors answers a preflight request", async () => {
      const response = await app.inject({
        method: "OPTIONS",
        url: "/api/v1/me",
        headers: { origin: "https://example.com", "access-control-request-method": "GET" },
      });
      expect(response.statusCode).toBe(204);
      expect(response.headers["access-control-allow-origin"]).toBe("https://example.com");
    });

    test("under-pressure reports its status", async () => {
      expect((await app.inject("/status")).json()).toEqual({ status: "ok" });
    });

    test("static serves a file, and 404 for others", async () => {
      const response = await app.inject("/public/hello.txt");
      expect(response.headers["content-type"]).toContain("text/plain");
      expect(response.body).toBe("hello\\n");
      expect((await app.inject("/public/nothing")).statusCode).toBe(404);
    });

    test("swagger-ui shows the document under a policy that lets its scripts run", async () => {
      const page = await app.inject("/documentation/");
      expect(page.statusCode).toBe(200);
      expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
      const script = /src="(?<url>[^"]*swagger-ui-bundle.js)"/.exec(page.body)?.groups?.url ?? "";
      expect((await app.inject(new URL(script, "http://localhost/documentation/").pathname)).statusCode).toBe(200);
      const paths = Object.keys((await app.inject("/documentation/json")).json().paths);
      expect(paths).toContain("/api/v1/me");
    });

    test("rate-limit refuses the sixth request", async () => {
      const statuses = [];
      for (let request = 1; request <= 6; request++) {
        statuses.push((await app.inject("/")).statusCode);
      }
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    });
"""


@pytest.mark.needs("node")
def test_fastify_cors_rate_limit_under_pressure_static_and_swagger_ui(emit):
    """Their documentation: the README of each plugin in github.com/fastify; fastify/demo uses the same ones."""
    project = emit(language="node")
    make(project, "setup")
    write(project / "src/plugins/index.ts", FASTIFY_PLUGINS)
    write(project / "public/hello.txt", "hello\n")
    write(project / "test/routes/libraries.test.ts", FASTIFY_TESTS)
    routes = project / "src/routes/index.ts"
    replace(
        routes,
        "import type { FastifyInstance }",
        'import swaggerUi from "@fastify/swagger-ui";\nimport type { FastifyInstance }',
    )
    replace(routes, "  addOpenApi(app);\n", "  addOpenApi(app);\n  app.register(swaggerUi, { staticCSP: true });\n")
    plugins = "cors rate-limit static swagger-ui under-pressure"
    run(
        project,
        f"npm install --no-audit --no-fund {' '.join(f'@fastify/{name}' for name in plugins.split())}",
        "npx tsc",
        "npx vitest run --project unit test/routes/libraries.test.ts test/routes/openapi.test.ts",
    )
