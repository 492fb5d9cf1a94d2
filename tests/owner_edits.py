"""Edits that owners make to an emitted service: new routes, tables, variables, dependencies and jobs, changed values.

Each edit is a path, the text to replace and its replacement. The edits apply to every release of the template.
"""

import shutil
from pathlib import Path

from tests.combinations import Answers

EDITS = Path(__file__).parent / "owner_edits"

Edit = tuple[str, str, str]

JOB = """\
jobs:
  licences:
    name: Licences
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {}
    steps:
      - name: List licences
        run: echo 'MIT'

"""
EVERYWHERE: list[Edit] = [
    (".env.example", "LOG_LEVEL=info\n", "LOG_LEVEL=info\n\n# How many notes a page shows\nNOTES_LIMIT=50\n"),
    (".gitignore", "!.env.example\n", "!.env.example\nnotes.sqlite\n"),
    (".github/workflows/pipeline.yml", "jobs:\n", JOB),
    ("Makefile", "help: ## Show this list\n", "help: ## Show the targets\n"),
]
OF_LANGUAGE: dict[str, list[Edit]] = {
    "node": [
        (
            "src/config.ts",
            "  JWT_SECRET: secret(32),\n",
            '  JWT_SECRET: secret(32),\n  NOTES_LIMIT: wholeNumber(1, 500).prefault("50"),\n',
        ),
        ("package.json", '    "jose": ', '    "http-status-codes": "^2.3.0",\n    "jose": '),
    ],
    "go": [
        (
            "internal/config/config.go",
            "\t// Database is ",
            "\t// NotesLimit is how many notes a page shows.\n"
            '\tNotesLimit uint16 `env:"NOTES_LIMIT" envDefault:"50" expects:"a whole number from 0 to 65535"`\n\n'
            "\t// Database is ",
        ),
        ("go.mod", "\tgithub.com/jackc/pgx/v5 ", "\tgithub.com/google/uuid v1.6.0\n\tgithub.com/jackc/pgx/v5 "),
    ],
    "python": [
        (
            "config/environment.py",
            "    jwt_secret: ",
            '    notes_limit: Annotated[int, whole_number(1, 500)] = Field(50, description="a number from 1 to 500")\n'
            "    jwt_secret: ",
        ),
        ("pyproject.toml", '    "prometheus-client', '    "humanize>=4.12",\n    "prometheus-client'),
        (
            "api/models.py",
            "    created_at = ",
            '    author = models.TextField(default="", db_default="")\n    created_at = ',
        ),
    ],
}
OF_PLATFORM: dict[str, list[Edit]] = {
    "kubernetes": [
        ("deploy/overlays/production/settings.env", "=production\n", "=production\nNOTES_LIMIT=20\n"),
        ("deploy/overlays/production/horizontal-pod-autoscaler.yaml", "maxReplicas: 12", "maxReplicas: 30"),
        ("deploy/base/deployment.yaml", "cpu: 100m", "cpu: 250m"),
    ],
    "vercel": [("vercel.json", '  "git": {\n', '  "regions": ["fra1"],\n  "git": {\n')],
    "railway": [(".railway/railway.ts", "replicas: 2 }", "replicas: 5 }")],
}
README = "# Notes\n\nRewritten by the owner.\n"
DELETED = ".dockerignore"
MOVED = ("DEPLOYMENT.md", "docs/operations/deployment.md")


# Where the routes are registered: what stands there in every release, and the line that is added after it.
SLOW_ROUTE: dict[str, tuple[str, dict[str, str]]] = {
    "node": (
        "src/routes/index.ts",
        {
            'import root from "./root.ts";\n': 'import slow from "./slow.ts";\n',
            "  app.register(root);\n": "  app.register(slow);\n",
        },
    ),
    "go": (
        "internal/api/api.go",
        {"Config.Version))\n": '\tmux.HandleFunc("GET /slow", slow)\n'},
    ),
    "python": (
        "api/urls.py",
        {
            "from api import views\n": "from api.slow import slow\n",
            '    path("", views.index),\n': '    path("slow", slow),\n',
        },
    ),
}


def add_slow_route(project: Path, language: str) -> None:
    """Add GET /slow, which responds after `seconds` (2 by default), to files that only the owner edits."""
    shutil.copytree(EDITS / language, project, dirs_exist_ok=True)
    name, added = SLOW_ROUTE[language]
    text = (project / name).read_text()
    for line, addition in added.items():
        assert text.count(line) == 1, f"{name} contains {line!r} {text.count(line)} times"
        text = text.replace(line, line + addition)
    (project / name).write_text(text)


def edits(answers: Answers) -> list[Edit]:
    """Return the edits for a project with these answers."""
    return EVERYWHERE + OF_LANGUAGE[answers["language"]] + OF_PLATFORM[answers["platform"]]


def edit(project: Path, answers: Answers) -> None:
    """Apply all edits to a project with PostgreSQL."""
    for name, old, new in edits(answers):
        path = project / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} contains {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))
    add_slow_route(project, answers["language"])
    shutil.copytree(EDITS / "with_postgres" / answers["language"], project, dirs_exist_ok=True)
    (project / "README.md").write_text(README)
    (project / DELETED).unlink()
    (project / MOVED[1]).parent.mkdir(parents=True)
    (project / MOVED[0]).rename(project / MOVED[1])
