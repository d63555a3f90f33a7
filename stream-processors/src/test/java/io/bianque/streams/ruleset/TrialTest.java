package io.bianque.streams.ruleset;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

class TrialTest {
  private static final RuleCompiler COMPILER = new RuleCompiler();

  private int events;

  private GenericRecord event(int port) {
    GenericRecord event = new GenericData.Record(COMPILER.schemas().get("dropwatch"));
    event.put("event_id", "event-" + ++events);
    event.put("kernel_stack", List.of());
    event.put("dport", port);
    return event;
  }

  @Test
  void eachEventIsHeldAgainstWhatWasDecidedThen() {
    Trial trial =
        new Trial(
            COMPILER.compile(
                "new.yaml",
                """
                rules:
                  - {name: nine, probe: dropwatch, when: event.dport == 9}
                  - {name: low, probe: dropwatch, when: event.dport < 100}
                  - {name: never, probe: dropwatch, when: event.dport == 1}
                """));
    trial.add("dropwatch", event(9), Optional.empty()); // event-1: newly ignored, by nine
    trial.add("dropwatch", event(9), Optional.of("old")); // event-2: ignored both times
    trial.add("dropwatch", event(50), Optional.empty()); // event-3: newly ignored, by low
    trial.add("dropwatch", event(443), Optional.of("old")); // event-4: would pass
    trial.add("dropwatch", event(443), Optional.empty()); // event-5: passes both times
    trial.add("dropwatch", event(444), Optional.empty()); // event-6: passes both times

    ObjectNode json = trial.json();
    assertThat(json.path("events").asInt()).isEqualTo(6);
    assertThat(json.path("probes"))
        .singleElement()
        .hasToString(
            "{\"probe\":\"dropwatch\",\"events\":6,\"now_ignored\":2,\"now_pass\":1,\"still_ignored\":1,\"still_pass\":2}");
    assertThat(json.path("rules"))
        .extracting(Object::toString)
        .containsExactly(
            "{\"rule\":\"nine\",\"probe\":\"dropwatch\",\"holds\":2,\"takes_out\":2,\"passed_then\":1,\"examples\":[\"event-1\"]}",
            "{\"rule\":\"low\",\"probe\":\"dropwatch\",\"holds\":3,\"takes_out\":1,\"passed_then\":1,\"examples\":[\"event-3\"]}",
            "{\"rule\":\"never\",\"probe\":\"dropwatch\",\"holds\":0,\"takes_out\":0,\"passed_then\":0,\"examples\":[]}");
    assertThat(json.path("rules_then"))
        .singleElement()
        .hasToString(
            "{\"rule\":\"old\",\"probe\":\"dropwatch\",\"took_out\":2,\"would_pass\":1,\"examples\":[\"event-4\"]}");
    assertThat(trial.text())
        .contains("dropwatch  6       2            1         1              2")
        .contains("nine   dropwatch  2          2          1                 event-1");
  }

  @Test
  void aFewExamplesAreEnough() {
    Trial trial =
        new Trial(
            COMPILER.compile("new.yaml", "rules: [{name: all, probe: dropwatch, when: 'true'}]"));
    for (int i = 0; i < 100; i++) {
      trial.add("dropwatch", event(9), Optional.empty());
    }
    assertThat(trial.json().at("/rules/0/passed_then").asInt()).isEqualTo(100);
    assertThat(trial.json().at("/rules/0/examples")).hasSize(3);
  }

  @Test
  void noEventsAreSaidToBeNone() {
    assertThat(new Trial(COMPILER.compile("new.yaml", "rules: []")).text()).isEqualTo("no events");
  }
}
