// The programs in the images of the bed. Only the standard library: nothing is fetched for them.
module github.com/dreamnet/dreamnet/tests/cluster/samples

go 1.26.0
