"""Music genre classification on mel spectrograms with CNN + RNN hybrids."""

import os

# OpenMP threads spin while they wait. On a machine whose cores are all busy that makes a small RNN 50 times slower;
# sleeping costs nothing measurable on an idle one. Read when torch loads, so it has to stand here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
