package io.bianque.streams.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How the stream tier is.
 *
 * @param application id of the Kafka Streams application
 * @param topology parts that run
 * @param state of Kafka Streams, or STARTING
 * @param paused nothing is read, because what has been read cannot leave
 * @param waitsFor what somebody has to do before it goes on
 * @param problems it works, but not as it should
 * @param rulesVersion as in the events
 * @param ruleSet version of the rule set that decides; 0 for the configuration's rules
 * @param waiting records in the waiting rooms
 * @param lag records behind the ends of the topics; -1 when not known
 * @param latencies of the last minutes in seconds, by probe and quantile
 * @param assignment partitions by thread
 */
public record Health(
    String application,
    List<String> topology,
    String state,
    boolean paused,
    List<String> waitsFor,
    List<String> problems,
    String rulesVersion,
    int ruleSet,
    int waiting,
    long lag,
    Map<String, Map<String, Double>> latencies,
    Map<String, List<String>> assignment) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Whether events are being worked on. */
  public boolean healthy() {
    return state.equals("RUNNING") && !paused && waitsFor.isEmpty();
  }

  String toJson() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("healthy", healthy());
    fields.put("application", application);
    fields.put("topology", topology);
    fields.put("state", state);
    fields.put("paused", paused);
    fields.put("waits_for", waitsFor);
    fields.put("problems", problems);
    fields.put("rules_version", rulesVersion);
    fields.put("rule_set", ruleSet);
    fields.put("waiting", waiting);
    fields.put("lag", lag);
    fields.put("latency_seconds", latencies);
    fields.put("assignment", assignment);
    try {
      return JSON.writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Maps of text and numbers must have a JSON form", e);
    }
  }
}
