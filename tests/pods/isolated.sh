# Runs a command as a container would: alone in its namespaces, as user 1000, without
# capabilities, on a root file system that cannot be written to.
#   sh isolated.sh <Python's folder> <writable folders and files, separated by :> <command…>
set -e
python_home=$1 writable=$2
shift 2
mount --make-rprivate /
top=/$(echo "$python_home" | cut -d/ -f2)
if [ "$top" = /root ]; then
    # Only root may enter it: show only Python.
    hold=/mnt
    mount --bind "$python_home" "$hold"
    mount -t tmpfs -o mode=755 tmpfs "$top"
    mkdir -p "$python_home"
    mount --bind "$hold" "$python_home"
    mount -o remount,ro,bind "$python_home"
    mount -o remount,ro "$top"
    umount "$hold"
fi
IFS=:
for place in $writable; do
    mount --bind "$place" "$place"
done
mount -o remount,ro,bind /
unset IFS
exec setpriv --reuid 1000 --regid 1000 --clear-groups --bounding-set -all \
    --inh-caps -all --no-new-privs "$@"
