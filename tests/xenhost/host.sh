# Sourced by run: one virtual Xen host. Debian's Xen and dom0 kernel under QEMU's software CPU,
# which emulates AMD SVM with nested paging; dom0's root is this machine's /, read-only over 9p
# with an overlay in memory, so it has this machine's packages and build trees at their places.

# Found by trying (QEMU 7.2 of Debian 12, Xen 4.17):
#   -smap,-smep     a PV dom0 faults under the software CPU with SMAP on
#   -monitor        Xen's mwait idle takes a #GP
#   -avx... -xsave  AVX state is lost across context switches: dom0's programs crash at random
#   -rdtscp         an RDTSCP intercept is reported as RDTSC, which Xen rejects
host_cpu=${XENHOST_CPU:-EPYC,+svm,+npt,-smap,-smep,-monitor,-avx,-avx2,-fma,-f16c,-xsave,-vaes,-vpclmulqdq,-rdtscp}
host_cache=${XENHOST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/xenolith-xenhost}
host_kernel=$(find /boot -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1)
host_release=${host_kernel#/boot/vmlinuz-}

host_init() { # the initramfs's first process
  cat <<'INIT'
#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read m; do insmod $m; done < /modules
o=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o $o,cache=loose,ro hostroot /lower
mount -t tmpfs -o size=2g tmpfs /upper; mkdir /upper/u /upper/w
mount -t overlay -o lowerdir=/lower,upperdir=/upper/u,workdir=/upper/w overlay /newroot
for d in dev proc sys; do mount --move /$d /newroot/$d; done
mkdir -p /newroot/mnt/out; mount -t 9p -o $o out /newroot/mnt/out
exec switch_root /newroot /bin/bash /mnt/out/.host/dom0-init
INIT
}

# Puts the files of modules and what they need, in order, into DIR/modules and DIR/lib/modules.
copy_modules() { # copy_modules RELEASE DIR MODULE...
  local release=$1 dir=$2 module file
  shift 2
  mkdir -p "$dir/lib/modules"
  for module in "$@"; do
    modprobe -S "$release" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' > "$dir/modules"
  while read -r file; do cp "$file" "$dir/lib/modules/"; done < "$dir/modules"
  sed -i 's#.*/#/lib/modules/#' "$dir/modules"
}

# The host's own files, made once for each kernel, hypervisor and content of this file.
host_files() {
  [ -n "$host_kernel" ] || { echo "xenhost: no /boot/vmlinuz-*: run tests/xenhost/install" >&2; return 1; }
  [ -f /boot/xen-4.17-amd64.gz ] || { echo "xenhost: no /boot/xen-4.17-amd64.gz: run tests/xenhost/install" >&2; return 1; }
  local key root
  key=$({ cat "${BASH_SOURCE[0]}"; stat -c '%n %s %Y' "$host_kernel" /boot/xen-4.17-amd64.gz; } | sha256sum | cut -c1-16)
  host_boot=$host_cache/host-$key
  [ -f "$host_boot/initramfs" ] && return
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,dev,proc,sys,lower,upper,newroot} "$host_boot"
  cp /bin/busybox "$root/bin/"
  local applet
  for applet in sh mount insmod mkdir switch_root; do ln -s busybox "$root/bin/$applet"; done
  copy_modules "$host_release" "$root" virtio_pci virtio_blk 9pnet_virtio 9p overlay
  host_init > "$root/init"
  chmod +x "$root/init"
  zcat /boot/xen-4.17-amd64.gz > "$host_boot/xen"
  (cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 > "$host_boot/initramfs.new"
  mv "$host_boot/initramfs.new" "$host_boot/initramfs"
  rm -rf "$root"
}

# Starts the host in the background: its process in $host_pid, Xen's console in OUT.
host_start() { # host_start OUT MEMORY [QEMU ARGUMENT...]
  local out=$1 memory=$2
  shift 2
  # It ends with its parent, whatever ends that.
  setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg,thread=multi,tb-size=1024 -cpu "$host_cpu" \
    -smp 2 -m "$memory" -nographic -nodefaults -no-reboot -serial stdio -monitor none \
    -kernel "$host_boot/xen" \
    -append "console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all dom0_mem=2G,max:2G dom0_max_vcpus=2 cpuidle=0 cpufreq=none spec-ctrl=no xpti=no bootscrub=0" \
    -initrd "$host_kernel console=hvc0 mitigations=off quiet,$host_boot/initramfs" \
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=root,mount_tag=hostroot \
    -fsdev "local,id=out,path=$out,security_model=none,multidevs=remap" \
    -device virtio-9p-pci,fsdev=out,mount_tag=out "$@" \
    < /dev/null >> "$out/xen-console.log" 2>&1 &
  host_pid=$!
}
