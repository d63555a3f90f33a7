package io.bianque.agent.probe;

import io.bianque.agent.btf.Btf;
import io.bianque.agent.btf.BtfException;
import io.bianque.agent.encode.EncodePlan;
import io.bianque.agent.encode.PlanMismatch;
import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.BpfObject;
import io.bianque.agent.probe.Hook.Variant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;

/**
 * All that can be known of a probe without asking the kernel: its files are read, they agree, and
 * what was configured fits them.
 *
 * @param enabled whether it starts with the agent, when the configuration does not say
 * @param events how its events are encoded; empty when it has only polled maps
 */
@SuppressWarnings("ArrayRecordComponent") // No two plans are ever compared.
record ProbePlan(
    String name,
    byte[] object,
    Optional<EncodePlan> events,
    List<PolledPlan> polled,
    Tunables tunables,
    boolean enabled,
    List<Hook> hooks) {

  /**
   * Reads and checks a probe.
   *
   * @throws ProbeRejected when anything is missing or does not fit
   */
  static ProbePlan read(ProbeFiles files, Map<String, String> tunables) {
    Path program = files.object().orElseThrow();
    Path reading = program;
    try {
      Btf btf = Btf.ofElf(program);
      byte[] object = Files.readAllBytes(program);
      List<PolledPlan> polled = new ArrayList<>();
      for (Path each : files.polled()) {
        reading = each;
        polled.add(PolledPlan.compile(files.name(), btf, schema(each)));
      }
      reading = files.schema();
      // Without polled maps it is a probe of events, and lacks its schema.
      Optional<EncodePlan> events =
          polled.isEmpty() || Files.exists(files.schema())
              ? Optional.of(
                  EncodePlan.compile(btf, files.name() + "_event", schema(files.schema())))
              : Optional.empty();
      Tunables checked = Tunables.of(files.name(), btf, tunables);
      try (BpfObject opened = BpfObject.open(files.name(), object)) {
        return new ProbePlan(
            files.name(),
            object,
            events,
            List.copyOf(polled),
            checked,
            enabled(opened, checked),
            hooks(opened));
      }
    } catch (IOException e) {
      throw new ProbeRejected(
          "probe " + files.name() + ": " + reading + " cannot be read: " + e, e);
    } catch (AvroRuntimeException e) {
      throw new ProbeRejected(
          "probe " + files.name() + ": " + reading + " is no Avro schema: " + e.getMessage(), e);
    } catch (BtfException | PlanMismatch | BpfException e) {
      throw new ProbeRejected("probe " + files.name() + ": " + e.getMessage(), e);
    }
  }

  /** Of all its hooks, hook by hook. */
  List<Variant> variants() {
    return hooks.stream().flatMap(hook -> hook.variants().stream()).toList();
  }

  private static Schema schema(Path file) throws IOException {
    return new Schema.Parser().parse(Files.readString(file));
  }

  private static List<Hook> hooks(BpfObject object) {
    List<Hook> hooks = Hook.of(object.programs());
    if (hooks.isEmpty()) {
      throw new ProbeRejected("probe " + object.name() + ": its object has no program");
    }
    return hooks;
  }

  /** A probe that says nothing about it is. */
  private static boolean enabled(BpfObject object, Tunables tunables) {
    return object.map(Tunables.SECTION).stream()
        .flatMapToLong(map -> tunables.read(map.initialValue(), Tunables.ENABLED).stream())
        .allMatch(value -> value != 0);
  }
}
