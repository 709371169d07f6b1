# Five philosophers take both forks in one operation: no deadlock, 1000 meals each.

mkdir sem/0xf0,nsems=5,value=1
dine() {
    left=$1
    right=$((($1 + 1) % 5))
    meals=0
    while [ $meals -lt 1000 ]; do
        echo "$left:-1 $right:-1" >sem/0xf0/op || exit 1
        # Nobody else can have either fork now.
        [ ! -e "$T/fork$left" ] && [ ! -e "$T/fork$right" ] || { : >"$T/shared"; exit 1; }
        : >"$T/fork$left"
        : >"$T/fork$right"
        rm "$T/fork$left" "$T/fork$right"
        echo "$left:+1 $right:+1" >sem/0xf0/op || exit 1
        meals=$((meals + 1))
    done
}
philosophers=
for seat in 0 1 2 3 4; do
    (dine $seat) &
    philosophers="$philosophers $!"
done
for philosopher in $philosophers; do
    wait "$philosopher" || fail "a philosopher did not finish"
done
[ ! -e "$T/shared" ] || fail "a fork in two hands"
is '1 1 1 1 1' cat sem/0xf0/value
rmdir sem/0xf0
