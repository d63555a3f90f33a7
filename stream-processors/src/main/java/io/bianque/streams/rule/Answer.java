package io.bianque.streams.rule;

/** What a condition says of an event. */
enum Answer {
  TRUE,
  FALSE,

  /** An operand was absent, a list too short, a number too big. */
  NONE;

  static Answer of(boolean holds) {
    return holds ? TRUE : FALSE;
  }

  Answer not() {
    return switch (this) {
      case TRUE -> FALSE;
      case FALSE -> TRUE;
      case NONE -> NONE;
    };
  }
}
