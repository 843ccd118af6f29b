#!/usr/bin/env bash
# What actions/checkout does: init, fetch one commit, check it out; credentials as an extra header in the local
# configuration. The token is never an argument of a program: printf is bash's own, and it goes into a file.
set -euo pipefail

target="$GITHUB_WORKSPACE${SANDBOX_PATH:+/$SANDBOX_PATH}"
case "$(realpath -m "$target")/" in
"$(realpath -m "$GITHUB_WORKSPACE")"/*) ;;
*) echo "::error::Repository path '$target' is not under '$GITHUB_WORKSPACE'" && exit 1 ;;
esac
mkdir -p "$target" && cd "$target"
if [ ! -d .git ]; then
  find . -mindepth 1 -maxdepth 1 ! -path ./.git -exec rm -rf {} +
  git init -q --initial-branch=main .
  git remote add origin "$GITHUB_SERVER_URL/$SANDBOX_REPOSITORY"
fi

section="http.$GITHUB_SERVER_URL/"
git config --local --remove-section "$section" 2>/dev/null || true
if [ -n "$SANDBOX_TOKEN" ]; then
  secret="$(printf 'x-access-token:%s' "$SANDBOX_TOKEN" | base64 | tr -d '\n')"
  printf '::add-mask::%s\n' "$secret"
  printf '[http "%s/"]\n\textraheader = AUTHORIZATION: basic %s\n' "$GITHUB_SERVER_URL" "$secret" >>.git/config
fi
git config --local gc.auto 0

depth=()
if [ "$SANDBOX_DEPTH" != 0 ]; then depth=("--depth=$SANDBOX_DEPTH"); fi
tags=(--no-tags)
if [ "$SANDBOX_TAGS" = true ] || [ "$SANDBOX_DEPTH" = 0 ]; then tags=(--tags); fi
fetch() { git -c protocol.version=2 fetch -q --prune "${tags[@]}" "${depth[@]}" origin "$@"; }

ref="$SANDBOX_REF"
if [ "$SANDBOX_DEPTH" = 0 ]; then fetch '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'; fi
if [ -z "$ref" ] && [ "$SANDBOX_REPOSITORY" = "$GITHUB_REPOSITORY" ]; then
  ref="$GITHUB_REF"
  case "$ref" in
  refs/heads/*)
    branch="${ref#refs/heads/}"
    fetch "+$GITHUB_SHA:refs/remotes/origin/$branch"
    git checkout -q --force -B "$branch" "refs/remotes/origin/$branch"
    ;;
  *)
    fetch "+$GITHUB_SHA:$ref"
    git checkout -q --force --detach "$GITHUB_SHA"
    ;;
  esac
elif [ -z "$ref" ]; then
  fetch +HEAD:refs/remotes/origin/HEAD
  git checkout -q --force --detach refs/remotes/origin/HEAD
elif [[ "$ref" =~ ^[0-9a-f]{40}$ ]]; then
  fetch "$ref"
  git checkout -q --force --detach "$ref"
else
  name="${ref#refs/heads/}"
  if [[ "$ref" != refs/tags/* ]] && fetch "+refs/heads/$name:refs/remotes/origin/$name" 2>/dev/null; then
    git checkout -q --force -B "$name" "refs/remotes/origin/$name"
  else
    name="${ref#refs/tags/}"
    fetch "+refs/tags/$name:refs/tags/$name"
    git checkout -q --force --detach "refs/tags/$name"
  fi
fi

if [ "$SANDBOX_PERSIST" != true ]; then git config --local --remove-section "$section" 2>/dev/null || true; fi
commit="$(git rev-parse HEAD)"
printf 'ref=%s\ncommit=%s\n' "$ref" "$commit" >>"$GITHUB_OUTPUT"
echo "$SANDBOX_REPOSITORY is checked out at $commit"
