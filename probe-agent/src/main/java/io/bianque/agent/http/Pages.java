package io.bianque.agent.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bianque.agent.binary.PerfMaps;
import io.bianque.agent.container.ContainerWatch;
import io.bianque.agent.control.ControlFollower;
import io.bianque.agent.http.LocalHttp.Page;
import io.bianque.agent.libbpf.OwnMemory;
import io.bianque.agent.publish.CounterBook;
import io.bianque.agent.publish.Publisher;
import io.bianque.facts.ControlResult;
import io.bianque.facts.ProbeCounters;
import io.bianque.facts.ProbeState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/** Makes the pages from the reports of the moment. Any thread. */
public final class Pages {

  private final String version;
  private final String hostId;
  private final BooleanSupplier started;
  private final Supplier<List<CounterBook.Row>> probes;
  private final Supplier<Publisher.State> publisher;
  private final Supplier<Optional<ControlFollower.Report>> control;
  private final Supplier<ContainerWatch.Report> containers;
  private final Supplier<Optional<PerfMaps.Report>> perfMaps;

  /**
   * Pages of these reports.
   *
   * @param probes counters of the probes' present lives
   * @param control empty when control requests are not followed
   * @param perfMaps empty when none are read
   */
  public Pages(
      String version,
      String hostId,
      BooleanSupplier started,
      Supplier<List<CounterBook.Row>> probes,
      Supplier<Publisher.State> publisher,
      Supplier<Optional<ControlFollower.Report>> control,
      Supplier<ContainerWatch.Report> containers,
      Supplier<Optional<PerfMaps.Report>> perfMaps) {
    this.version = version;
    this.hostId = hostId;
    this.started = started;
    this.probes = probes;
    this.publisher = publisher;
    this.control = control;
    this.containers = containers;
    this.perfMaps = perfMaps;
  }

  /** By path, as {@link LocalHttp} takes them. */
  public Map<String, Supplier<Page>> byPath() {
    return Map.of("/metrics", this::metrics, "/health", this::health);
  }

  /**
   * 200 as long as the agent does its work, which includes spooling: a broker that is away is no
   * reason to restart an agent. 503 before its probes have been tried, and when one of them failed
   * or events are being lost for want of a disk.
   */
  private Page health() {
    Map<String, Object> health = new LinkedHashMap<>();
    if (!started.getAsBoolean()) {
      identify(health, "starting");
      return page(503, health);
    }
    Publisher.State state = publisher.get();
    List<ProbeCounters> counters = counters(probes.get());
    List<Map<String, Object>> rows = new ArrayList<>();
    boolean failed = false;
    for (ProbeCounters each : counters) {
      failed |= each.getState() == ProbeState.FAILED;
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("name", each.getProbe());
      row.put("state", each.getState().name().toLowerCase(Locale.ROOT));
      row.put("reason", each.getReason());
      row.put("hook", each.getHook());
      row.put("channel", each.getChannel());
      row.put("attempted", each.getAttempted());
      row.put("acked", each.getAcked());
      row.put("spooled", each.getSpooled());
      row.put("spool_dropped", each.getSpoolDropped());
      rows.add(row);
    }
    boolean spoolIll = state.trouble().stream().anyMatch(trouble -> trouble.startsWith("spool"));
    String status = failed || spoolIll ? "ill" : state.trouble().isEmpty() ? "ok" : "waiting";
    identify(health, status);
    health.put("rss_bytes", OwnMemory.residentBytes());
    health.put("broker_connected", state.connected());
    health.put("trouble", state.trouble());
    health.put("spool_bytes", state.spoolBytes());
    health.put("spooled_events", state.spooledEvents());
    health.put("control", control.get().map(Pages::row).orElse(null));
    health.put("probes", rows);
    return page(status.equals("ill") ? 503 : 200, health);
  }

  private void identify(Map<String, Object> health, String status) {
    health.put("status", status);
    health.put("version", version);
    health.put("host_id", hostId);
    health.put("pid", ProcessHandle.current().pid());
  }

  private static Page page(int status, Map<String, Object> body) {
    try {
      return new Page(
          status, "application/json", new ObjectMapper().writeValueAsString(body) + "\n");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("maps of strings and numbers are always JSON", e);
    }
  }

  private static Map<String, Object> row(ControlFollower.Report report) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("trouble", report.trouble().orElse(null));
    row.put("unreadable", report.unreadable());
    row.put(
        "in_force",
        report.inForce().stream()
            .map(each -> {
              Map<String, Object> request = new LinkedHashMap<>();
              request.put("request_id", each.requestId());
              request.put("probe", each.probe());
              request.put("action", each.action().toLowerCase(Locale.ROOT));
              request.put("ends_at", each.endsAt().toString());
              return request;
            })
            .toList());
    return row;
  }

  private Page metrics() {
    StringBuilder out = new StringBuilder(4096);
    List<CounterBook.Row> present = probes.get();
    List<ProbeCounters> counters = counters(present);
    counter(
        out,
        counters,
        "attempted",
        "Events the probe wanted to report.",
        ProbeCounters::getAttempted);
    counter(
        out,
        counters,
        "rate_limited",
        "Events refused by the rate limit in the kernel.",
        ProbeCounters::getRateLimited);
    counter(
        out,
        counters,
        "ring_full",
        "Events refused because the event channel had no room.",
        ProbeCounters::getRingFull);
    counter(
        out,
        counters,
        "submitted",
        "Events put into the event channel.",
        ProbeCounters::getSubmitted);
    counter(
        out,
        counters,
        "missed",
        "Runs that the kernel skipped; not in attempted.",
        ProbeCounters::getMissed);
    counter(out, counters, "read", "Events taken from the event channel.", ProbeCounters::getRead);
    counter(
        out,
        counters,
        "encode_failed",
        "Events that could not be encoded.",
        ProbeCounters::getEncodeFailed);
    counter(out, counters, "acked", "Events acknowledged by the broker.", ProbeCounters::getAcked);
    gauge(out, counters, "spooled", "Events on disk now.", ProbeCounters::getSpooled);
    gauge(
        out,
        counters,
        "in_flight",
        "Events with the producer or on the way to the disk now.",
        ProbeCounters::getInFlight);
    Publisher.State state = publisher.get();
    dropped(out, present);
    states(out, counters);
    runs(out, counters);
    head(out, "bianque_agent_spool_bytes", "gauge", "Size of the spool on disk.");
    out.append("bianque_agent_spool_bytes ").append(state.spoolBytes()).append('\n');
    head(out, "bianque_agent_in_flight_bytes", "gauge", "Events and facts with the producer.");
    out.append("bianque_agent_in_flight_bytes ").append(state.inFlightBytes()).append('\n');
    head(out, "bianque_agent_broker_connected", "gauge", "1 while the broker takes events.");
    out.append("bianque_agent_broker_connected ").append(state.connected() ? 1 : 0).append('\n');
    control.get().ifPresent(report -> control(out, report));
    containers(out, containers.get());
    perfMaps.get().ifPresent(report -> perfMaps(out, report));
    head(out, "process_resident_memory_bytes", "gauge", "Resident memory of the agent.");
    out.append("process_resident_memory_bytes ").append(OwnMemory.residentBytes()).append('\n');
    head(out, "bianque_agent_info", "gauge", "What runs here.");
    out.append("bianque_agent_info{version=\"%s\",host_id=\"%s\"} 1%n".formatted(version, hostId));
    return new Page(200, "text/plain; version=0.0.4; charset=utf-8", out.toString());
  }

  private static void control(StringBuilder out, ControlFollower.Report report) {
    String outcomes = "bianque_agent_control_outcomes_total";
    head(out, outcomes, "counter", "Outcomes of control requests on this host.");
    for (ControlResult each : ControlResult.values()) {
      out.append(
          "%s{outcome=\"%s\"} %d%n"
              .formatted(
                  outcomes,
                  each.name().toLowerCase(Locale.ROOT),
                  report.outcomes().getOrDefault(each, 0L)));
    }
    String unreadable = "bianque_agent_control_unreadable_total";
    head(out, unreadable, "counter", "Records of the control topic that hold no request.");
    out.append(unreadable).append(' ').append(report.unreadable()).append('\n');
    String following = "bianque_agent_control_following";
    head(out, following, "gauge", "1 while control requests arrive.");
    out.append(following).append(report.trouble().isEmpty() ? " 1\n" : " 0\n");
  }

  private static void counter(
      StringBuilder out,
      List<ProbeCounters> all,
      String what,
      String help,
      Function<ProbeCounters, Long> value) {
    family(out, all, "bianque_probe_events_" + what + "_total", "counter", help, value);
  }

  private static void gauge(
      StringBuilder out,
      List<ProbeCounters> all,
      String what,
      String help,
      Function<ProbeCounters, Long> value) {
    family(out, all, "bianque_probe_events_" + what, "gauge", help, value);
  }

  private static void family(
      StringBuilder out,
      List<ProbeCounters> all,
      String name,
      String type,
      String help,
      Function<ProbeCounters, Long> value) {
    head(out, name, type, help);
    for (ProbeCounters each : all) {
      out.append("%s{probe=\"%s\"} %d%n".formatted(name, each.getProbe(), value.apply(each)));
    }
  }

  private static List<ProbeCounters> counters(List<CounterBook.Row> rows) {
    return rows.stream().map(CounterBook.Row::counters).toList();
  }

  private static void dropped(StringBuilder out, List<CounterBook.Row> all) {
    String name = "bianque_probe_events_spool_dropped_total";
    head(out, name, "counter", "Encoded events that were given up, by reason.");
    for (CounterBook.Row each : all) {
      each.events()
          .droppedBy()
          .forEach((reason, events) ->
              out.append(
                  "%s{probe=\"%s\",reason=\"%s\"} %d%n"
                      .formatted(name, each.counters().getProbe(), reason.words(), events)));
    }
  }

  private static void states(StringBuilder out, List<ProbeCounters> all) {
    head(out, "bianque_probe_state", "gauge", "1 for the state that the probe is in.");
    for (ProbeCounters each : all) {
      for (ProbeState state : ProbeState.values()) {
        out.append(
            "bianque_probe_state{probe=\"%s\",state=\"%s\"} %d%n"
                .formatted(
                    each.getProbe(),
                    state.name().toLowerCase(Locale.ROOT),
                    state == each.getState() ? 1 : 0));
      }
    }
  }

  private static void runs(StringBuilder out, List<ProbeCounters> all) {
    List<ProbeCounters> known =
        all.stream()
            .filter(each -> each.getRunCount() != null && each.getRunTimeNs() != null)
            .toList();
    if (known.isEmpty()) {
      return;
    }
    family(
        out,
        known,
        "bianque_probe_runs_total",
        "counter",
        "Runs of its programs.",
        ProbeCounters::getRunCount);
    head(out, "bianque_probe_run_seconds_total", "counter", "Time its programs ran.");
    for (ProbeCounters each : known) {
      out.append(
          "bianque_probe_run_seconds_total{probe=\"%s\"} %s%n"
              .formatted(each.getProbe(), Double.toString(each.getRunTimeNs() / 1e9)));
    }
  }

  private static void containers(StringBuilder out, ContainerWatch.Report report) {
    head(out, "bianque_agent_cgroups", "gauge", "Cgroups that are there, in all hierarchies.");
    out.append("bianque_agent_cgroups ").append(report.cgroups()).append('\n');
    head(out, "bianque_agent_cgroups_complete", "gauge", "1 when the last look saw all of them.");
    out.append("bianque_agent_cgroups_complete ").append(report.complete() ? 1 : 0).append('\n');
    head(out, "bianque_agent_containers", "gauge", "Containers that are there.");
    out.append("bianque_agent_containers ").append(report.containers()).append('\n');
    head(out, "bianque_agent_cgroup_looks_total", "counter", "Looks at all cgroups.");
    out.append("bianque_agent_cgroup_looks_total ").append(report.looks()).append('\n');
    head(out, "bianque_agent_cgroup_look_seconds_total", "counter", "Time that they took.");
    out.append("bianque_agent_cgroup_look_seconds_total ")
        .append(report.lookNanos() / 1e9)
        .append('\n');
    ContainerWatch.Told told = report.told();
    head(out, "bianque_agent_cgroups_watched", "gauge", "Cgroups below which new ones are told.");
    out.append("bianque_agent_cgroups_watched ").append(told.watched()).append('\n');
    String events = "bianque_agent_cgroup_events_total";
    head(out, events, "counter", "New cgroups that the kernel told of, by what became of it.");
    out.append("%s{result=\"found\"} %d%n".formatted(events, told.found()));
    out.append("%s{result=\"gone\"} %d%n".formatted(events, told.gone()));
    out.append("%s{result=\"skipped\"} %d%n".formatted(events, told.skipped()));
    String name = "bianque_agent_runtime_files_failed_total";
    head(out, name, "counter", "Files of container runtimes that were there and said nothing.");
    report
        .troubles()
        .forEach(
            (kind, times) -> out.append("%s{reason=\"%s\"} %d%n".formatted(name, kind, times)));
  }

  private static void perfMaps(StringBuilder out, PerfMaps.Report report) {
    head(out, "bianque_agent_perf_map_bytes", "gauge", "Memory in maps of processes' own code.");
    out.append("bianque_agent_perf_map_bytes ").append(report.bytes()).append('\n');
    String looks = "bianque_agent_perf_map_looks_total";
    head(out, looks, "counter", "Looks for the map of a process, by what they brought.");
    report
        .looks()
        .forEach((result, times) ->
            out.append("%s{result=\"%s\"} %d%n".formatted(looks, result, times)));
    String skipped = "bianque_agent_perf_map_lines_skipped_total";
    head(out, skipped, "counter", "Lines of such maps that name no function.");
    out.append(skipped).append(' ').append(report.skipped()).append('\n');
  }

  private static void head(StringBuilder out, String name, String type, String help) {
    out.append("# HELP %s %s%n# TYPE %s %s%n".formatted(name, help, name, type));
  }
}
