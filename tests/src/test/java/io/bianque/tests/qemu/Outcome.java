package io.bianque.tests.qemu;

/** What came of a probe on a kernel. */
sealed interface Outcome {

  /** As it stands in the matrix. */
  String cell();

  /**
   * Attached, triggered, and all that was expected was seen.
   *
   * @param hook the variants that hold
   * @param count events and rows of polled maps
   */
  record Seen(String hook, long count) implements Outcome {
    @Override
    public String cell() {
      return "seen (%d): %s".formatted(count, hook);
    }
  }

  /** Attached, and its trigger said why it cannot work there. */
  record Untriggered(String hook, String reason) implements Outcome {
    @Override
    public String cell() {
      return "attached: %s; not triggered: %s".formatted(hook, reason);
    }
  }

  /** Not attached, and its trigger said why. */
  record Skipped(String reason) implements Outcome {
    @Override
    public String cell() {
      return "skipped: " + reason;
    }
  }

  /** What should be is not. */
  record Broken(Throwable why) implements Outcome {
    @Override
    public String cell() {
      return "BROKEN: " + String.valueOf(why.getMessage()).strip().lines().findFirst().orElse("");
    }
  }
}
