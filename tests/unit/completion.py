"""The completion scripts load in their shells and complete: completion.py VITRINE. Shells that are absent are left out."""
import os
import shutil
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
PROBES = {
    # $1: the script, $2...: the words of the line
    'bash': 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vitrine; printf "%s\\n" "${COMPREPLY[@]}"',
    'fish': 'source $argv[1]; complete -C "$argv[2..-1]" | cut -f 1',
    # what zsh would offer needs a terminal: the words given to compadd and _describe are looked at instead
    'zsh': 'compdef() { :; }; _files() { :; }; source "$1"; shift; words=("$@"); CURRENT=$#; '
           'compadd() { print -l -- $found; }; _describe() { print -l -- ${names%%:*}; }; _vitrine',
}
CASES = [
    (['vitrine', 'ap'], {'app', 'appset'}),
    (['vitrine', 'app', 'l'], {'list', 'logs'}),
    (['vitrine', 'artefact', 'p'], {'publish', 'promote'}),
    (['vitrine', 'version', '--s'], {'--short'}),
    (['vitrine', 'chart', 'li'], {'lint'}),
    (['vitrine', 'chart', 'lint', '--strict', 'folder', '--qu'], {'--quiet'}),
    (['vitrine', 'chart', 'repo', 'add', '--force'], {'--force-update'}),
]


def offered(shell, folder, words):
    script = os.path.join(folder, shell)
    with open(script, 'w') as f:
        subprocess.run([PROGRAM, 'completion', shell], stdout=f, check=True)
    quiet = {'bash': ['--norc', '-c'], 'zsh': ['-fc'], 'fish': ['--no-config', '-c']}[shell]
    name = ['probe'] if shell != 'fish' else []
    env = dict(os.environ, PATH=folder + ':' + os.environ['PATH'], HOME=folder)
    p = subprocess.run([shell, *quiet, PROBES[shell], *name, script, *words], env=env, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0 and not p.stderr, '%s: %s' % (shell, p.stderr)
    return {w for w in p.stdout.split() if w.startswith(words[-1])}


with tempfile.TemporaryDirectory() as folder:
    os.symlink(os.path.realpath(PROGRAM), os.path.join(folder, 'vitrine'))
    for shell in PROBES:
        if shutil.which(shell) is None:
            print('%s is not installed' % shell)
            continue
        for words, wanted in CASES:
            found = offered(shell, folder, words)
            assert found == wanted, '%s: %s: %s, not %s' % (shell, ' '.join(words), found, wanted)
        print('%s completes' % shell)
