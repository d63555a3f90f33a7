package io.bianque.agent.config;

import java.util.List;

/**
 * A value as the operator wrote it.
 *
 * @param texts its scalars, one unless it is a list
 * @param where file, line and column, or the environment variable
 */
record Written(List<String> texts, boolean list, String where) {

  static Written scalar(String text, String where) {
    return new Written(List.of(text), false, where);
  }

  /** The value as it is said back in a message. */
  String said() {
    return list ? texts.toString() : "\"" + texts.getFirst() + "\"";
  }
}
