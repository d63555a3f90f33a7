package io.bianque.streams.rule;

import org.apache.avro.generic.IndexedRecord;

/** What a condition can refer to while it looks at one event; of one thread. */
final class Scope {
  /** Most comprehensions within each other; deeper than anybody writes them. */
  static final int DEPTH = 4;

  private final IndexedRecord event;

  /** Of {@code exists} and {@code all}, by depth. */
  private final Object[] variables = new Object[DEPTH];

  private EventView view;

  Scope(IndexedRecord event) {
    this.event = event;
  }

  Object field(int position) {
    return event.get(position);
  }

  Object variable(int depth) {
    return variables[depth];
  }

  void set(int depth, Object value) {
    variables[depth] = value;
  }

  /** As the interpreter wants it; made when a condition is left to it. */
  EventView view() {
    if (view == null) {
      view = new EventView(event);
    }
    return view;
  }
}
