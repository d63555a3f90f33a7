package io.bianque.tests.qemu.expect;

import io.bianque.tests.qemu.DebianKernel;

/** What a probe must have seen. Has a constructor without parameters. */
public interface Expectation {

  /** Fails with an assertion error where the recording does not hold what was triggered. */
  void check(Recording recording, DebianKernel kernel);
}
