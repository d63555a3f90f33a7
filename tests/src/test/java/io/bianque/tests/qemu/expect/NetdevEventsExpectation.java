package io.bianque.tests.qemu.expect;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.tests.qemu.DebianKernel;
import java.util.List;
import org.apache.avro.generic.GenericRecord;

/** What {@code triggers/netdev_events.sh} does to its devices. */
public final class NetdevEventsExpectation implements Expectation {
  @Override
  public void check(Recording recording, DebianKernel kernel) {
    List<GenericRecord> events = recording.raw("netdev_events");
    assertThat(events)
        .as(recording.shown("netdev_events"))
        .anyMatch(event -> is(event, "port-ev0", "MASTER", null, "bond-ev"))
        .anyMatch(event -> is(event, "port-ev0", "BOND_LINK", "UP", "DOWN"))
        .anyMatch(event -> is(event, "port-ev0", "CARRIER", "UP", "DOWN"))
        .anyMatch(event -> is(event, "port-ev1", "BOND_STATE", "BACKUP", "ACTIVE"))
        .anyMatch(event -> is(event, "bond-ev", "ADMIN", "DOWN", "UP"))
        .anyMatch(event -> is(event, "new-ev", "RENAMED", "old-ev", "new-ev"))
        .anyMatch(event -> is(event, "new-ev", "DISAPPEARED", "new-ev", null))
        .anyMatch(event ->
            event.get("device").toString().equals("bond-ev")
                && event.get("change").toString().equals("SPEED")
                && "bonding".equals(event.get("driver") + ""));
    GenericRecord here = appeared(events, "near-ev");
    GenericRecord there = appeared(events, "inside-ev");
    assertThat(here.get("nsid")).isNull();
    assertThat(there.get("nsid")).isNotNull();
    assertThat((Long) there.get("netns")).isPositive().isNotEqualTo(here.get("netns"));
    assertThat(here.get("kind")).hasToString("veth");
  }

  private static GenericRecord appeared(List<GenericRecord> events, String device) {
    return events.stream()
        .filter(event -> is(event, device, "APPEARED", null, device))
        .findFirst()
        .orElseThrow(() -> new AssertionError(device + " has not appeared"));
  }

  private static boolean is(
      GenericRecord event, String device, String change, String before, String after) {
    return event.get("device").toString().equals(device)
        && event.get("change").toString().equals(change)
        && (event.get("before") + "").equals(before + "")
        && (event.get("after") + "").equals(after + "");
  }
}
