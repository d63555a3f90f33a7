package io.bianque.streams.config;

import java.util.List;

/** A configuration that does not apply, with every mistake in it. */
public final class InvalidSettings extends RuntimeException {
  InvalidSettings(List<String> mistakes) {
    super(String.join("\n", mistakes));
  }
}
