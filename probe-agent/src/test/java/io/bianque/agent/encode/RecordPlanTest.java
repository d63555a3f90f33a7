package io.bianque.agent.encode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.junit.jupiter.api.Test;

class RecordPlanTest {
  private static final String HEADER =
      """
      {"name": "host_id", "type": {"type": "string", "logicalType": "host-id"}},
      {"name": "boot_id", "type": {"type": "string", "logicalType": "boot-id"}},
      {"name": "epoch", "type": {"type": "long", "logicalType": "probe-epoch"}},
      {"name": "cpu", "type": "int"},
      {"name": "sequence", "type": {"type": "long", "logicalType": "sequence"}},
      {"name": "ktime_ns", "type": {"type": "long", "logicalType": "monotonic-nanos"}},
      {"name": "time", "type": {"type": "long", "logicalType": "timestamp-nanos"}}
      """;

  public enum Colour {
    RED,
    GREEN
  }

  /** Has one of each kind. */
  public record AllKinds(
      long rxDropped, int ifindex, String device, Colour colour, Optional<Long> speed) {}

  private static Schema schema(String fields) {
    return new Schema.Parser()
        .parse(
            "{\"type\": \"record\", \"name\": \"all_kinds\", \"namespace\": \"io.bianque.raw\", \"fields\": ["
                + HEADER
                + ", "
                + fields
                + "]}");
  }

  private static final Schema SCHEMA =
      schema(
          """
          {"name": "device", "type": "string"},
          {"name": "speed", "type": ["null", "long"], "default": null},
          {"name": "colour", "type": {"type": "enum", "name": "colour", "symbols": ["RED", "GREEN"]}},
          {"name": "ifindex", "type": "int"},
          {"name": "rx_dropped", "type": {"type": "long", "logicalType": "counter"}}
          """);

  @Property
  void avroReadsWhatWasWritten(
      @ForAll long rxDropped,
      @ForAll int ifindex,
      @ForAll String device,
      @ForAll Colour colour,
      @ForAll Optional<Long> speed,
      @ForAll long ktime)
      throws IOException {
    RecordPlan plan = RecordPlan.compile(AllKinds.class, SCHEMA);
    AllKinds written = new AllKinds(rxDropped, ifindex, device, colour, speed);

    byte[] first = plan.encode(written, ktime, 7, new AgentFields("h", "b", 4711, 5));
    byte[] again = plan.encode(written, ktime, 7, new AgentFields("h", "b", 4711, 5));

    assertThat(again).isEqualTo(first);
    GenericRecord read =
        new GenericDatumReader<GenericRecord>(SCHEMA)
            .read(null, DecoderFactory.get().binaryDecoder(first, null));
    assertThat(read.get("host_id")).hasToString("h");
    assertThat(read.get("boot_id")).hasToString("b");
    assertThat(read.get("epoch")).isEqualTo(4711L);
    assertThat(read.get("cpu")).isEqualTo(-1);
    assertThat(read.get("sequence")).isEqualTo(7L);
    assertThat(read.get("ktime_ns")).isEqualTo(ktime);
    assertThat(read.get("time")).isEqualTo(ktime + 5);
    assertThat(read.get("rx_dropped")).isEqualTo(rxDropped);
    assertThat(read.get("ifindex")).isEqualTo(ifindex);
    byte[] utf8 = device.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    assertThat(read.get("device"))
        .hasToString(new String(utf8, java.nio.charset.StandardCharsets.UTF_8));
    assertThat(read.get("colour")).hasToString(colour.name());
    assertThat(read.get("speed")).isEqualTo(speed.orElse(null));
  }

  @Test
  void everyDifferenceIsSaid() {
    Schema other =
        schema(
            """
            {"name": "device", "type": "int"},
            {"name": "speed", "type": ["null", "string"], "default": null},
            {"name": "colour", "type": {"type": "enum", "name": "colour", "symbols": ["GREEN", "RED"]}},
            {"name": "ifindex", "type": "int"},
            {"name": "mtu", "type": "int"}
            """);

    assertThatThrownBy(() -> RecordPlan.compile(AllKinds.class, other))
        .isInstanceOf(PlanMismatch.class)
        .hasMessageContaining("io.bianque.raw.all_kinds")
        .hasMessageContaining("field device (\"int\")")
        .hasMessageContaining("field speed ([\"null\",\"string\"])")
        .hasMessageContaining("field colour (")
        .hasMessageContaining("field mtu (\"int\")")
        .hasMessageContaining("it has no field rx_dropped");
  }
}
