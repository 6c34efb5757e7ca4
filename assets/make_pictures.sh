#!/bin/sh
# make_pictures.sh [PYTHON]: draws the README's pictures of the demo scene, beside this script.
set -eu

python=${1:-python3}
cd "$(dirname "$0")/.."

draw() {
    "$python" main.py render assets/demo.ftgs.ply --renderer sorted --output "assets/$1" \
        --size "$2" --view "$3" --frame "$4"
}

draw demo.png 1024x512 0 8
PYTHONPATH=. "$python" assets/draw_window.py
