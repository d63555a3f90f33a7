package io.bianque.agent.container;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a cgroup's path says by itself. Where containers or units are within one another, it is of
 * the innermost.
 *
 * @param containerId the runtime's id; LXC's and systemd-nspawn's is the container's name
 * @param runtime as far as the path tells: the kubelet's own driver names none
 * @param podUid as the kubelet's API has it, with dashes
 * @param qos guaranteed, burstable or besteffort
 * @param unit as systemd spells it, without the slices
 */
record CgroupPath(
    Optional<String> containerId,
    Optional<String> runtime,
    Optional<String> podUid,
    Optional<String> qos,
    Optional<String> unit,
    Optional<String> slice) {

  private static final String ID = "(?<id>[0-9a-f]{64})";

  private static final List<Pattern> BY_ID =
      List.of(
          // cri-containerd-<id>.scope; a monitor's, libpod-conmon-<id>.scope, is none.
          Pattern.compile("(?<by>[a-z]+(?:-containerd)?)-" + ID + "\\.scope"),
          // By runc's cgroupfs driver below a kubelet that speaks systemd's.
          Pattern.compile(".+\\.slice:(?<by>[a-z-]+):" + ID),
          // Whose it is says a prefix, or the folder above.
          Pattern.compile("(?:(?<by>[a-z]+)-)?" + ID));

  private static final Map<Pattern, String> BY_NAME =
      Map.of(
          Pattern.compile("lxc\\.payload\\.(.+)"), "lxc",
          Pattern.compile("systemd-nspawn@(.+)\\.service"), "systemd-nspawn",
          // Of systemd-machined, without qemu's and libvirt's, which are more than containers.
          Pattern.compile("machine-(?!qemu\\\\x2d|lxc\\\\x2d)(.+)\\.scope"), "systemd-nspawn");

  private static final Pattern COLONS = Pattern.compile("(.+\\.slice):[^:]+:[^:]+");

  private static final Pattern POD = Pattern.compile("pod([0-9a-f-]{32,36})");

  /** Up to the pod the slice may be another's below which the kubelet is put: kind's, for one. */
  private static final Pattern POD_SLICE =
      Pattern.compile("(?:.*-)?kubepods(?:-(burstable|besteffort))?-pod([0-9a-f_]{32,36})\\.slice");

  private static final Pattern UNIT =
      Pattern.compile(".+\\.(?:service|scope|socket|mount|swap|device)");

  private static final Pattern ESCAPE = Pattern.compile("\\\\x([0-9a-f]{2})");

  /**
   * Reads a path.
   *
   * @param path in its hierarchy, as in /proc/{@code <pid>}/cgroup
   */
  static CgroupPath parse(String path) {
    Reading reading = new Reading();
    for (String segment : path.split("/", -1)) {
      if (!segment.isEmpty()) {
        reading.read(segment);
      }
    }
    return reading.result();
  }

  /** Whether the container's id is the name that a person gave it. */
  boolean isNamedByItsId() {
    return runtime.filter(name -> name.equals("lxc") || name.equals("systemd-nspawn")).isPresent();
  }

  private static final class Reading {
    private String before = "";
    private String containerId;
    private String runtime;
    private String podUid;
    private String qos;
    private String unit;
    private String slice;

    void read(String segment) {
      pod(segment);
      container(segment);
      if (segment.endsWith(".slice")) {
        slice = segment;
      } else if (UNIT.matcher(segment).matches()) {
        unit = segment;
      }
      before = segment;
    }

    private void pod(String segment) {
      Matcher colons = COLONS.matcher(segment);
      Matcher inSlice = POD_SLICE.matcher(colons.matches() ? colons.group(1) : segment);
      Matcher plain = POD.matcher(segment);
      if (inSlice.matches()) {
        inPod(inSlice.group(2).replace('_', '-'), inSlice.group(1));
      } else if (plain.matches()) {
        inPod(
            plain.group(1),
            before.equals("burstable") || before.equals("besteffort") ? before : null);
      }
    }

    private void inPod(String uid, String named) {
      podUid = uid;
      qos = named == null ? "guaranteed" : named;
      containerId = null;
      runtime = null;
    }

    private void container(String segment) {
      for (Pattern pattern : BY_ID) {
        Matcher match = pattern.matcher(segment);
        if (match.matches()) {
          inContainer(match.group("id"), match.group("by") == null ? before : match.group("by"));
          return;
        }
      }
      for (Map.Entry<Pattern, String> each : BY_NAME.entrySet()) {
        Matcher match = each.getKey().matcher(segment);
        if (match.matches()) {
          containerId = unescaped(match.group(1));
          runtime = each.getValue();
          return;
        }
      }
      if (before.equals("lxc") || before.equals("lxc.payload")) {
        containerId = segment;
        runtime = "lxc";
      }
    }

    private void inContainer(String id, String by) {
      containerId = id;
      runtime =
          switch (by) {
            case "docker" -> "docker";
            case "containerd", "cri-containerd", "nerdctl" -> "containerd";
            case "crio" -> "cri-o";
            case "libpod", "podman" -> "podman";
            default -> null;
          };
    }

    private static String unescaped(String name) {
      return ESCAPE
          .matcher(name)
          .replaceAll(hex ->
              Matcher.quoteReplacement(String.valueOf((char) Integer.parseInt(hex.group(1), 16))));
    }

    CgroupPath result() {
      return new CgroupPath(
          Optional.ofNullable(containerId),
          Optional.ofNullable(runtime),
          Optional.ofNullable(podUid),
          Optional.ofNullable(qos),
          Optional.ofNullable(unit),
          Optional.ofNullable(slice));
    }
  }
}
