package io.bianque.agent.libbpf;

/** The thread that calls. */
public final class OwnThread {
  private static final int PRIO_PROCESS = 0;
  private static final int LOWEST = 19;

  private OwnThread() {}

  /**
   * Lets all other work of the machine go first, from now on. To Linux, threads are what a nice
   * value belongs to.
   */
  public static void giveWay() {
    int _ = Libc.setpriority(PRIO_PROCESS, 0, LOWEST);
  }
}
