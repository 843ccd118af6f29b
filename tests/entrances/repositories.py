"""Small repositories as people have them, for what looks at repositories: path → text."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

FLASK = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/healthz')\ndef well():\n    return 'ok'\n"
FASTAPI = (
    "from fastapi import FastAPI\n\napi: FastAPI = FastAPI()\n\n\n"
    "@api.get('/health')\ndef well():\n    return {}\n"
)
EXPRESS = (
    "const app = require('express')();\napp.get('/ping', (q, r) => r.end());\n"
    "app.listen(process.env.PORT || 4000);\n"
)
GO = 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe(":8081", nil) }\n'
DOCKER_GO = """\
FROM golang:1.24 AS build
CMD ["sh"]
EXPOSE 1
FROM scratch
COPY --from=build /server /server
EXPOSE 9090/tcp
HEALTHCHECK --interval=5s \\
  CMD curl -f http://localhost:9090/readyz || exit 1
CMD ["/server"]
"""
DEPLOYMENT = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
        - name: shop
          ports: [{containerPort: 5050}]
          readinessProbe: {httpGet: {path: /ready, port: 5050}}
"""
COMPOSE = """\
services:
  front:
    build: {context: .}
    ports: ["8088:5000"]
  db:
    image: postgres:16
"""

HOSTILE_COMPOSE = """\
services: {web: {build: 7, ports: [{published: x}, 9]}, self: {build: .}, 'a: b': {build: .}}
"""

REPOSITORIES: Mapping[str, Mapping[str, str]] = {
    "flask": {"app.py": FLASK, "requirements.txt": "flask\n"},
    "fastapi": {"src/main.py": FASTAPI, "pyproject.toml": "[project]\nname = 'x'\n"},
    "django": {"manage.py": "import django\n", "site/settings.py": "DEBUG = False\n"},
    "express": {
        "package.json": '{"name": "@acme/My Shop", "scripts": {"start": "node server.js"}}',
        "server.js": EXPRESS,
        "package-lock.json": "{}",
    },
    "npm": {"package.json": '{"scripts": {"start": "next start -p $PORT | cat"}}'},
    "go": {"go.mod": "module x\n", "main.go": GO, "Dockerfile": DOCKER_GO},
    "image": {
        "Dockerfile": 'FROM python\nEXPOSE 8123\nCMD ["python3", "serve.py", "$PORT"]\n',
        "serve.py": "\n",
    },
    "static": {"public/index.html": "<p>hello</p>\n"},
    "compose": {"app.py": FLASK, "docker-compose.yml": COMPOSE},
    "kubernetes": {"app.py": FLASK, "deploy/shop.yaml": DEPLOYMENT},
    "helm": {
        "app.py": FLASK,
        "chart/Chart.yaml": "name: x\n",
        "chart/templates/d.yaml": "a: {{ .Values.b }}\n",
    },
    "procfile": {"Procfile": "release: ./migrate\nweb: gunicorn app:app --bind 0.0.0.0:$PORT\n"},
    "shell": {"Procfile": "web: exec python3 -m http.server ${PORT:-80} > log; echo `id`\n"},
    "two": {
        "api/main.py": FASTAPI,
        "web/package.json": '{"scripts": {"start": "node a.js"}}',
        "web/a.js": EXPRESS,
    },
    "hostile-names": {
        "app.py": FLASK,
        "a\nb: !!python/object:os.system\n": "x",
        "'; touch pwned; '$(touch pwned)": "x",
        "- {}: [": "x",
        "package.json": '{"name": "no\\n  evil: ${{ github.token }}", "scripts": {"start": "node \'\\"; # : {}.js"}}',
    },
    "hostile-yaml": {
        "compose.yml": "a: &a [*a, *a]\nservices: " + "[" * 5000,
        "docker-compose.yml": HOSTILE_COMPOSE,
        "k.yaml": "apiVersion: 1\nkind: Deployment\nmetadata: {name: 'x: {{'}\nspec: {template: 3}\n",
        "index.html": "",
    },
    "deep-json": {"package.json": "[" * 100_000, "index.html": ""},
    "script-name": {"package.json": '{"name": "self", "scripts": {"start": "node on.js"}}'},
}
"""Those that `init` can set up without being told anything."""


def repository(
    root: Path,
    files: Mapping[str, str],
    *,
    branch: str | None = "main",
    remote: str | None = "https://github.com/octocat/shop.git",
    commit: bool = False,
) -> Path:
    """Make a git repository with these files; ``branch`` None is a plain folder."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    if branch is not None:
        git(root, "init", "-q")
        git(root, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
        if remote is not None:
            git(root, "remote", "add", "origin", remote)
        if commit:
            git(root, "add", "-A")
            git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "first")
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git there."""
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file outside of git's own."""
    return {
        one.relative_to(root).as_posix(): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file() and ".git" not in one.relative_to(root).parts
    }
