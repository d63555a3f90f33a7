/** A process whose programs are in the kernel, and what it costs. */
interface Subject extends AutoCloseable {
  /**
   * Drops, cumulative.
   *
   * @param attempted that the probe has seen
   * @param arrived where they were to go: acknowledged by the broker, counted, printed
   */
  record Events(long attempted, long rateLimited, long ringFull, long arrived) {
    Events since(Events before) {
      return new Events(
          attempted - before.attempted,
          rateLimited - before.rateLimited,
          ringFull - before.ringFull,
          arrived - before.arrived);
    }
  }

  String name();

  Process process();

  Events events() throws Exception;

  @Override
  void close() throws InterruptedException;
}
