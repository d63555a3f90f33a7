package io.bianque.agent.config;

import java.util.List;

/**
 * The configuration was refused. The message has one line a problem, each with place, key, value
 * and what is allowed.
 */
public final class InvalidConfig extends RuntimeException {
  private static final long serialVersionUID = 1L;

  InvalidConfig(List<String> problems) {
    super(String.join("\n", problems));
  }
}
