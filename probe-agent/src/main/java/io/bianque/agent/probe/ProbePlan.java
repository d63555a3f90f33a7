package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfException;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.encode.PlanMismatch;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.BpfObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * All that can be known of a probe without asking the kernel: its files are read, they agree, and
 * what was configured fits them.
 */
@SuppressWarnings("ArrayRecordComponent") // No two plans are ever compared.
record ProbePlan(
    String name, byte[] object, EncodePlan encoding, Tunables tunables, List<Hook> hooks) {

  /**
   * Reads and checks a probe.
   *
   * @throws ProbeRejected when anything is missing or does not fit
   */
  static ProbePlan read(ProbeFiles files, Map<String, String> tunables) {
    try {
      Schema schema = new Schema.Parser().parse(Files.readString(files.schema()));
      Btf btf = Btf.ofElf(files.object());
      byte[] object = Files.readAllBytes(files.object());
      return new ProbePlan(
          files.name(),
          object,
          EncodePlan.compile(btf, files.name() + "_event", schema),
          Tunables.of(files.name(), btf, tunables),
          hooks(files.name(), object));
    } catch (IOException e) {
      Path missing = Files.exists(files.schema()) ? files.object() : files.schema();
      throw new ProbeRejected(
          "probe " + files.name() + ": " + missing + " cannot be read: " + e, e);
    } catch (AvroRuntimeException e) {
      throw new ProbeRejected(
          "probe " + files.name() + ": " + files.schema() + " is no Avro schema: " + e.getMessage(),
          e);
    } catch (BtfException | PlanMismatch | BpfException e) {
      throw new ProbeRejected("probe " + files.name() + ": " + e.getMessage(), e);
    }
  }

  private static List<Hook> hooks(String name, byte[] elf) {
    try (BpfObject object = BpfObject.open(name, elf)) {
      List<Hook> hooks = Hook.of(object.programs());
      if (hooks.isEmpty()) {
        throw new ProbeRejected("probe " + name + ": its object has no program");
      }
      return hooks;
    }
  }
}
