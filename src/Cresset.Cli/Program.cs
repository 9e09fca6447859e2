System.Console.WriteLine("cresset");
