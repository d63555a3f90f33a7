# A CPU keeps its interrupts off in the scheduler.
# needs native busy
set -eu

taskset 2 busy irqs-off 60
