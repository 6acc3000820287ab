#!/usr/bin/env bash
# Draws paretoscope.png, the window's icon, from paretoscope.svg. Needs rsvg-convert (Debian: librsvg2-bin).
set -euo pipefail
cd "$(dirname "$0")"
rsvg-convert --width 256 --height 256 --output paretoscope.png paretoscope.svg
