#!/bin/sh
set -e
echo "${HOME:-none}" | sed 's/a/b/'
