package io.bianque.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bianque.agent.probe.ProbeSettings.Channel;
import io.bianque.agent.testing.KernelTest;
import io.bianque.agent.testing.RasRecord;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Errors of hardware that is not here: the kernel runs the probe's own programs with what it would
 * give them. Machine checks and PCIe errors are for the QEMU tests, whose hardware can have them.
 */
@KernelTest
class RasTest {
  private static final Set<String> OF_EVERY_EVENT =
      Set.of(
          "host_id",
          "boot_id",
          "epoch",
          "cpu",
          "sequence",
          "ktime_ns",
          "time",
          "source",
          "severity");

  @TempDir static Path folder;

  private static RasRecord record;
  private ProbeBench probe;

  @BeforeAll
  static void prepare() {
    record = RasRecord.in(folder);
  }

  @BeforeEach
  void attach() {
    probe =
        ProbeBench.of(
            "ras",
            Channel.RINGBUF,
            1 << 20,
            Map.of(),
            Set.of("raw_tp/mc_event", "raw_tp/non_standard_event", "raw_tp/arm_event"));
  }

  @AfterEach
  void detach() {
    probe.close();
  }

  @Test
  void memoryController() {
    record.replay("memory");

    GenericRecord event = the("MEMORY_CONTROLLER");

    assertThat(event.get("severity")).hasToString("CORRECTED");
    assertThat(event.get("error_count")).isEqualTo(3L);
    assertThat(event.get("message")).hasToString("memory read error");
    assertThat(event.get("label")).hasToString("CPU_SrcID#1_Ha#0_Chan#2_DIMM#0");
    assertThat(event.get("detail").toString()).contains("err_code:0001:0092 socket:1");
    assertThat(event.get("mc_index")).isEqualTo(1);
    assertThat(event.get("mc_top_layer")).isEqualTo(2);
    assertThat(event.get("mc_middle_layer")).isEqualTo(0);
    assertThat(event.get("address")).isEqualTo(0x3d9a3fa80L);
    assertThat(event.get("mc_grain_bytes")).isEqualTo(32L);
    assertOnly(
        event,
        "error_count",
        "message",
        "label",
        "detail",
        "mc_index",
        "mc_top_layer",
        "mc_middle_layer",
        "address",
        "mc_grain_bytes");
  }

  @Test
  void firmware() {
    record.replay("firmware");

    GenericRecord event = the("FIRMWARE");

    assertThat(event.get("severity")).hasToString("UNCORRECTED_RECOVERABLE");
    assertThat(event.get("section_type")).hasToString("1f8161e1-55d6-41e6-bd10-7afd1dc5f7c5");
    assertThat(event.get("fru_id")).hasToString("00000000-0000-0000-0000-000000000000");
    assertThat(event.get("fru_text")).hasToString("CPU0 HHA");
    assertThat(event.get("firmware_data_length")).isEqualTo(8L);
    assertThat(event.get("firmware_data"))
        .isEqualTo(ByteBuffer.wrap(new byte[] {0x7f, 0, 0, 0, 1, 0, 2, 3}));
    assertOnly(
        event, "section_type", "fru_id", "fru_text", "firmware_data_length", "firmware_data");
  }

  @Test
  void armProcessor() {
    record.replay("arm");

    GenericRecord event = the("ARM_PROCESSOR");

    assertThat(event.get("severity")).hasToString("UNCORRECTED_RECOVERABLE");
    assertThat(event.get("error_count")).isEqualTo(1L);
    assertThat(event.get("address")).isEqualTo(0x23a1d4c0L);
    assertThat(event.get("arm_mpidr")).isEqualTo(0x81080000L);
    assertThat(event.get("arm_midr")).isEqualTo(0x480fd010L);
    assertThat(event.get("arm_running_state")).isEqualTo(1L);
    assertThat(event.get("arm_error_type")).isEqualTo(0);
    assertThat(event.get("arm_error_info")).isEqualTo(0x0091000fL);
    assertOnly(
        event,
        "error_count",
        "address",
        "arm_mpidr",
        "arm_midr",
        "arm_running_state",
        "arm_error_type",
        "arm_error_info");
  }

  private GenericRecord the(String source) {
    GenericRecord event = probe.await(source, e -> e.get("source").toString().equals(source));
    assertThat(probe.events).containsExactly(event);
    return event;
  }

  /** What belongs to other sources is absent. */
  private static void assertOnly(GenericRecord event, String... present) {
    Set<String> expected = new TreeSet<>(Set.of(present));
    expected.addAll(OF_EVERY_EVENT);
    assertThat(
            event.getSchema().getFields().stream()
                .map(Schema.Field::name)
                .filter(field -> event.get(field) != null))
        .containsExactlyInAnyOrderElementsOf(expected);
  }
}
