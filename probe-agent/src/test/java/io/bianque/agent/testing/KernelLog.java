package io.bianque.agent.testing;

/** Lines that a user writes to the kernel's log, which take the way of the kernel's own. */
public final class KernelLog {
  private KernelLog() {}

  /** Writes a line from that CPU. */
  public static void write(int cpu, String line) {
    Commands.run(
        line + "\n", "taskset", "-c", Integer.toString(cpu), "sh", "-c", "cat > /dev/kmsg");
  }
}
