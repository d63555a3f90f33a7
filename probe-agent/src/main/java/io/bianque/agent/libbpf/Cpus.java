package io.bianque.agent.libbpf;

/** How many CPUs a per-CPU value has parts for. */
final class Cpus {
  private static final int POSSIBLE = count();

  private Cpus() {}

  /** CPUs that the machine may ever have; they are numbered from 0. */
  static int possible() {
    return POSSIBLE;
  }

  private static int count() {
    int count = Libbpf.libbpf_num_possible_cpus();
    if (count < 0) {
      throw new BpfException(
          "libbpf_num_possible_cpus", "/sys/devices/system/cpu/possible", -count, "");
    }
    return count;
  }
}
