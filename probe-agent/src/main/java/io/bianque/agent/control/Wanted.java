package io.bianque.agent.control;

import io.bianque.facts.ControlRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a probe is to do.
 *
 * @param tunables those that differ from the probe's own defaults
 */
record Wanted(boolean running, Map<String, String> tunables) {

  Wanted {
    tunables = Map.copyOf(tunables);
  }

  /** What comes of a configuration and the requests that hold for the probe, in their order. */
  static Wanted of(Wanted configured, List<ControlRequest> holding) {
    Wanted wanted = configured;
    for (ControlRequest each : holding) {
      wanted =
          switch (each.getAction()) {
            case START -> new Wanted(true, wanted.with(each.getTunables()));
            case STOP -> new Wanted(false, wanted.tunables());
            case TUNE -> new Wanted(wanted.running(), wanted.with(each.getTunables()));
            case RESET -> configured;
          };
    }
    return wanted;
  }

  Map<String, String> with(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(tunables);
    all.putAll(more);
    return all;
  }
}
