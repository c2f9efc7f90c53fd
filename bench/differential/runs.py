"""One run of a program: what it printed, how it ended and what it cost."""
import dataclasses
import os
import subprocess
import tempfile

TIMED_OUT = 124
SANITIZER = (b'ERROR: AddressSanitizer', b'ERROR: LeakSanitizer', b'runtime error: ')


def build_program(build, target):
    """A program of bench/, which the build leaves out unless asked. Its path."""
    done = subprocess.run(['ninja', '-C', build, '--quiet', target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit('bench: %s cannot be built in %s: %s' % (target, build, done.stdout.strip()))
    return os.path.join(build, target)


@dataclasses.dataclass
class Run:
    out: bytes
    err: bytes
    status: int  # a signal counts as 128 plus its number
    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: int  # KiB

    @property
    def accepted(self):
        return self.status == 0

    @property
    def timed_out(self):
        return self.status == TIMED_OUT

    @property
    def crashed(self):
        return self.status > 128 or any(mark in self.err for mark in SANITIZER)


class Runner:
    """Starts programs through bench/child, all with the same clean home."""

    def __init__(self, child, seconds):
        self.child, self.seconds = child, seconds
        self.home = tempfile.TemporaryDirectory(prefix='vitrine-bench-home-')
        self.env = {'PATH': os.environ.get('PATH', '/usr/bin:/bin'), 'HOME': self.home.name, 'TZ': 'UTC', 'LANG': 'C.UTF-8'}
        for name in ('CONFIG', 'CACHE', 'DATA'):
            self.env['HELM_%s_HOME' % name] = os.path.join(self.home.name, name.lower())
        self.env.update({k: v for k, v in os.environ.items() if k in ('ASAN_OPTIONS', 'UBSAN_OPTIONS')})

    def run(self, argv, cwd=None):
        """Standard output and error go to files: a pipe would make the program wait for us."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as report:
            fd = report.fileno()
            os.set_inheritable(fd, True)
            subprocess.run([self.child, str(self.seconds), str(fd)] + argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                           cwd=cwd or self.home.name, env=self.env, pass_fds=(fd,), check=True)
            for f in (out, err, report):
                f.seek(0)
            wall, user, system, peak, status = (int(n) for n in report.read().split())
            return Run(out.read(), err.read(), status, wall / 1e6, (user + system) / 1e6, peak)
